"""Cells that a spreadsheet would run as formulas: written with an apostrophe before them, read without it.

Used by `api.v1.imports` in the file of invalid rows, which people open and mend, and by `api.csv_import.reader` when it
comes back. A plus or minus before what may be a phone number is no formula.
"""

from __future__ import annotations

import re

_RUNS = re.compile(r"[=@\t\r]|[+\-](?!\s*[(\d][\w\s().\-/]*\Z|\s*\Z)")


def escape_formula(cell: str) -> str:
    """The cell as it may be shown by a spreadsheet."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The cell as it was before it was made escape_formula."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell, 1) else cell
