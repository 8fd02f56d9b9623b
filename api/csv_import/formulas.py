"""Cells that a spreadsheet would run as formulas: an apostrophe is put before them, and removed when they are read.

Used in every file that people open in a spreadsheet: the invalid rows of an import (`api.csv_import.files`) and the
console's downloads; and by `api.csv_import.reader` when such a file is uploaded. A plus or minus before what may be a
phone number is no formula.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO

# No bracket after a letter: that calls a function. Some spreadsheets also run what begins with a full-width sign.
_NUMBER = r"\s*[(\d][\d\s().\-/]*+[\w\s).\-/]*+\Z"
_RUNS = re.compile(rf"'*(?:[=@\uff1d\uff20\t\r]|[+\-\uff0b\uff0d](?!{_NUMBER}|\s*\Z))")


def escape_formula(cell: str) -> str:
    """Returns the cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Returns the cell as it was before `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell, 1) else cell


def harmless_lines(lines: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Yields lines of CSV, some at a time, with the cells that a spreadsheet would run escaped."""
    for chunk, rows in lines:
        written = StringIO()
        cells = csv.reader(StringIO(chunk.decode(), newline=""))
        csv.writer(written).writerows([[escape_formula(cell) for cell in row] for row in cells])
        yield written.getvalue().encode(), rows
