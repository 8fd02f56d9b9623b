"""Every block of a `.sql` file is used by the module beside it, and every block that a module uses exists.

`Queries.__getattr__` hides the names of the blocks from the type checker.
"""

from __future__ import annotations

import ast
from pathlib import Path

from projections.postgres.database import Queries

ROOT = Path(__file__).resolve().parents[2]


def used_blocks(module: Path) -> frozenset[str]:
    return frozenset(
        node.attr
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "SQL"
    )


def test_modules_and_sql_files_agree_on_the_names_of_queries() -> None:
    modules = [path for path in (ROOT / "projections").rglob("*.py") if path.with_suffix(".sql").exists()]
    assert len(modules) > 30
    wrong = [
        f"{module.relative_to(ROOT)}: {name} is {'not used' if name in existing else 'missing'}"
        for module in modules
        for existing in [Queries(module.with_suffix(".sql")).names]
        for name in sorted(existing ^ used_blocks(module))
    ]
    assert wrong == []
