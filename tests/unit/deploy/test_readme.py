"""The README names what exists: paths, settings, commands, metrics, log lines, decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.main import app
from deploy.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()
CODE = "\n".join(
    path.read_text()
    for folder in ("domain", "projections", "consumers", "api", "deploy")
    for path in (ROOT / folder).rglob("*.py")
)
HANDED_DOWN = {"clock_offset", "metrics_folder"}  # `up` sets these for the processes it starts
TABLE = README.partition("| variable |")[2].partition("\n\n")[0]
ALERTS = README.partition("| alert on |")[2].partition("\n\n")[0]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_table_of_settings_is_complete() -> None:
    written = {name.lower() for name in re.findall(r"`ROLLCALL_(\w+)`", TABLE)}
    if "`ROLLCALL_BOOTSTRAP_TIMEZONE`, `…_COUNTRY`" in TABLE:
        written.add("bootstrap_country")
    assert written == set(Settings.model_fields) - HANDED_DOWN


def test_every_command_is_named_and_no_other() -> None:
    commands = {name for name in app if not name.startswith("-")}
    assert {name for name in commands if f"`{name}" not in README and f"rollcall {name}" not in README} == set()
    assert set(re.findall(r"`rollcall ([a-z]+)", README)) <= commands


@pytest.mark.parametrize("metric", sorted(set(re.findall(r"`(rollcall_[a-z_]+)", ALERTS))))
def test_every_metric_exists(metric: str) -> None:
    assert f'"{metric}"' in CODE


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"`([a-z]+_[a-z_]+)`", ALERTS)) - set(re.findall(r"`(rollcall_\w+)", ALERTS)))
)
def test_every_log_line_exists(line: str) -> None:
    assert f'"{line}"' in CODE


def test_every_path_exists() -> None:
    named = re.findall(r"`((?:domain|projections|consumers|api|deploy|tests)/[\w/.<>*{},-]+)`", README)
    concrete = [path for path in named if not set("<>*{}") & set(path)]
    assert [path for path in concrete if not ((ROOT / path).exists() or (ROOT / f"{path}.py").exists())] == []
    assert len(concrete) > 15


def test_every_decision_is_listed() -> None:
    linked = set(re.findall(r"\((deploy/decisions/[\w.-]+)\)", README))
    assert linked == {path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy/decisions").glob("*.md")}
