"""The house rules that no linter knows: sizes, names, and no place of one machine in the text."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
HOUSE = ("domain", "projections", "consumers", "api", "deploy", "tests")
FILES = sorted(
    path
    for folder in HOUSE
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
)
MODULES = [path for path in FILES if path.suffix == ".py"]
CODE = [path for path in MODULES if "tests" not in path.relative_to(ROOT).parts]

MAX_FILE = 320
MAX_FUNCTION = 60
SAYS_NOTHING = {
    "utils",
    "util",
    "common",
    "base",
    "helpers",
    "helper",
    "misc",
    "manager",
    "managers",
    "service",
    "services",
}
# A path of one machine, or the address of a package index: neither is true elsewhere.
ONE_MACHINE = re.compile(
    r"(?<![\w.$}>/:-])/(?:home|root|Users|work|tmp|opt)/|(?:index|extra)[-_]url\s*=|pypi\.org/simple"
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_holds_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION
    }
    assert long == {}


def test_names_say_what_is_inside() -> None:
    parts = {name_of(path): {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts} for path in FILES}
    assert {name: found for name, words in parts.items() if (found := words & SAYS_NOTHING)} == {}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_line_depends_on_one_machine(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if ONE_MACHINE.search(line)] == []


def test_no_lock_names_a_package_index_and_every_line_has_a_hash() -> None:
    locks = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
    assert locks.keys() == {"requirements.lock", "requirements-dev.lock", "requirements-uv.lock"}
    for text in locks.values():
        assert "://" not in text
        assert all(" \\\n    --hash=sha256:" in each for each in re.split(r"\n(?=\w)", text.partition("\n")[2]) if each)


def test_developers_have_every_package_of_those_who_run_it_in_the_same_version() -> None:
    pins = [set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS]
    assert pins[0] < pins[1]
