"""Cells that a spreadsheet would run as formulas: an apostrophe is put before them, and removed when they are read.

Used by `api.csv_import.files` in the file of invalid rows, which people correct in a spreadsheet, and by
`api.csv_import.reader` when it is uploaded again. A plus or minus before what may be a phone number is no formula.
"""

from __future__ import annotations

import re

_RUNS = re.compile(r"[=@\t\r]|[+\-](?!\s*[(\d][\w\s().\-/]*\Z|\s*\Z)")


def escape_formula(cell: str) -> str:
    """Returns the cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Returns the cell as it was before `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell, 1) else cell
