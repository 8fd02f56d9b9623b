"""The rules of the code's layout that no linter checks: sizes, names, and no place of one machine in the text."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
FOLDERS = ("domain", "projections", "consumers", "api", "deploy", "tests")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
)
MODULES = [path for path in FILES if path.suffix == ".py"]
CODE = [path for path in MODULES if "tests" not in path.relative_to(ROOT).parts]

MAX_FILE = 320
MAX_FUNCTION = 60
MAX_MODULES = 15
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
# Words that made readers translate; the glossary is in deploy/docs/decisions/0022-plain-words.md.
DIALECT = re.compile(r"\b(told|whom|whoever|nobody|came to|comes to|for ever|she|her|hers)\b", re.IGNORECASE)
# A path of one machine, or the address of a package index: neither is true elsewhere.
ONE_MACHINE = re.compile(
    r"(?<![\w.$}>/:-])/(?:home|root|Users|work|tmp|opt)/|(?:index|extra)[-_]url\s*=|pypi\.org/simple"
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_and_functions_are_short() -> None:
    long_files = {name_of(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > MAX_FILE}
    long_functions = {
        f"{name_of(path)}:{node.lineno} {node.name}": lines
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    }
    assert (long_files, long_functions) == ({}, {})


def test_a_folder_holds_at_most_fifteen_modules() -> None:
    counts = Counter(name_of(path.parent) for path in MODULES if path.name not in {"__init__.py", "__main__.py"})
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


def test_names_say_what_is_inside() -> None:
    parts = {name_of(path): {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts} for path in FILES}
    assert {name: found for name, words in parts.items() if (found := words & SAYS_NOTHING)} == {}


def test_no_line_depends_on_one_machine() -> None:
    lines = [f"{name_of(path)}: {line}" for path in CODE for line in path.read_text().splitlines()]
    assert [line for line in lines if ONE_MACHINE.search(line)] == []


def test_no_lock_names_a_package_index_and_every_line_has_a_hash() -> None:
    locks = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
    assert locks.keys() == {"requirements.lock", "requirements-dev.lock", "requirements-uv.lock"}
    for text in locks.values():
        assert "://" not in text
        assert all(" \\\n    --hash=sha256:" in each for each in re.split(r"\n(?=\w)", text.partition("\n")[2]) if each)


def test_developers_have_every_package_of_those_who_run_it_in_the_same_version() -> None:
    pins = [set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS]
    assert pins[0] < pins[1]


def test_no_two_new_migrations_share_a_number() -> None:
    """Applied migrations keep their names, so the one pair of the past stays."""
    numbers = Counter(path.name[:4] for path in (ROOT / "projections/migrations").glob("*.sql"))
    assert {number: count for number, count in numbers.items() if count > 1} == {"0006": 2}


def test_prose_is_in_plain_words() -> None:
    """Product code and documents; `nobody` in backquotes is the user of that name."""
    texts = [
        path for path in FILES if path.suffix in {".py", ".sql", ".md", ".html", ".yaml"} and "tests" not in path.parts
    ]
    unchangeable = {"migrations", "vendor"}
    lines = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in [*texts, ROOT / "README.md"]
        if not unchangeable & set(path.parts)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if DIALECT.search(line.replace("`nobody`", "").replace("NOBODY", ""))
    ]
    assert lines == []
