"""The README and the documents name what exists: paths, links, settings, commands, operators, metrics, log lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.main import app
from deploy.settings import Settings
from domain.filters.operators import OPERATORS

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = ROOT / "deploy/docs"
PAGES = [ROOT / "README.md", *sorted(DOCUMENTS.glob("*.md"))]
OPERATIONS = (DOCUMENTS / "operations.md").read_text()
FILTERS = (DOCUMENTS / "filters.md").read_text()
ARCHITECTURE = (DOCUMENTS / "architecture.md").read_text()
CODE = "\n".join(
    path.read_text()
    for folder in ("domain", "projections", "consumers", "api", "deploy")
    for path in (ROOT / folder).rglob("*.py")
)
INTERNAL = {"clock_offset", "metrics_folder", "metrics_name"}  # `up` sets these for the processes it starts
SERVED = {"/docs/api", "/openapi.json", "/asyncapi.yaml"}


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def test_the_table_of_settings_is_complete() -> None:
    table = section(OPERATIONS, "Variables")
    named = {name.lower() for name in re.findall(r"`ROLLCALL_(\w+)`", table)}
    if "`ROLLCALL_BOOTSTRAP_TIMEZONE`, `…_COUNTRY`" in table:
        named.add("bootstrap_country")
    assert named == set(Settings.model_fields) - INTERNAL


def test_every_command_is_described_and_no_other() -> None:
    commands = {name for name in app if not name.startswith("-")}
    described = section(OPERATIONS, "Commands")
    assert {name for name in commands if f"`{name}" not in described and f"rollcall {name}" not in described} == set()
    assert {name for page in PAGES for name in re.findall(r"`rollcall ([a-z]+)", page.read_text())} <= commands


def test_every_operator_is_in_the_table_of_its_type() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:3]] for row in section(FILTERS, "Operators").splitlines()[3:]]
    described = {
        (kind, operator)
        for kinds, operators in (row for row in rows if len(row) == 2)
        for kind in (OPERATORS if kinds == "every type" else kinds.replace("`", "").split(", "))
        for operator in re.findall(r"`(\w+)`", operators)
    }
    # Which operators `segment` takes is part of the shape of a filter, not of the table of types.
    existing = {(kind, name) for kind, operators in OPERATORS.items() for name in operators}
    assert described - {("segment", "in"), ("segment", "not_in")} == existing


def test_every_metric_and_log_line_exists() -> None:
    alerts = section(OPERATIONS, "Metrics and alerts")
    named = set(re.findall(r"`([a-z]+_[a-z_]+)", alerts))
    assert len(named) > 15
    assert {name for name in named if f'"{name}"' not in CODE} - {"max"} == set()


def test_every_path_exists() -> None:
    named = {
        path
        for page in PAGES
        for path in re.findall(r"`((?:domain|projections|consumers|api|deploy|tests)/[^`\s]+)`", page.read_text())
    }
    listed = set(re.findall(r"^(?: *|.*-> )((?:domain|projections|consumers|api)/[\w/]+)", ARCHITECTURE, re.MULTILINE))
    concrete = {path for path in named | listed if not set("<>*{}") & set(path)}
    assert [path for path in concrete if not ((ROOT / path).exists() or (ROOT / f"{path}.py").exists())] == []
    assert len(concrete) > 25


def links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        yield link.partition("#")[0]


def test_every_link_resolves() -> None:
    pages = [*PAGES, *sorted((DOCUMENTS / "decisions").glob("*.md"))]
    broken = {
        (page.name, link)
        for page in pages
        for link in links(page)
        if link and link not in SERVED and not (page.parent / link).is_file()
    }
    assert broken == set()


def test_every_decision_is_listed() -> None:
    listed = {link for link in links(DOCUMENTS / "architecture.md") if link.startswith("decisions/")}
    assert listed == {path.relative_to(DOCUMENTS).as_posix() for path in (DOCUMENTS / "decisions").glob("*.md")}
