"""Migrations that may have been applied stay as they are: `rollcall migrate` refuses a database that had other ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from projections.migrate import FOLDER

RELEASED = Path(__file__).with_name("migrations.sha256")


def test_no_migration_was_edited_after_it_was_committed() -> None:
    """Another line for a new migration; where a line would change, the change needs a migration of its own."""
    found = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(FOLDER.glob("*.sql"))]
    assert found == RELEASED.read_text().splitlines()
