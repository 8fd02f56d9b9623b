"""A CSV file as rows, whatever program wrote it: encoding, delimiter, header and line endings are detected.

Used by `api.csv_import.runner`. Reads a line at a time, so that memory stays flat; what cannot be read as part
of a row becomes a row with a mistake, never silence. Rows are counted as a spreadsheet shows them: the
header, if there is one, is row 1, a cell with line breaks is still one row.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from typing import IO, NamedTuple

from api.csv_import.columns import Columns, columns_by_choice, columns_by_header
from api.csv_import.formulas import unescape_formula
from api.csv_import.headers import letters, phone_columns, why_no_phone_column
from domain.values import trim

LONGEST_LINE = 32_000
BLOCK = 256
MOST_LINES = 100
LONGEST_ROW = 64_000
ERROR_COLUMNS = ("row_number", "error_code", "error_message")
_DELIMITERS = ",;\t|"
_END_OF_FILE = "\x1a"  # as DOS wrote it
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or ZIP file",
    b"%PDF": "a PDF file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
}


class Unreadable(Exception):
    """The file cannot be read as CSV with a phone column at all."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CsvRow(NamedTuple):
    """A row after the header; `mistake` is a code and a sentence where it cannot be read."""

    number: int
    cells: list[str]
    mistake: tuple[str, str] | None = None

    @property
    def blank(self) -> bool:
        """Whether every cell is empty."""
        return self.mistake is None and not any(trim(cell) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The rows of a file, and which columns hold what."""

    header: list[str]
    columns: Columns
    rows: Iterator[CsvRow]

    def phone(self, row: CsvRow) -> str:
        """Returns the first phone cell that is not blank."""
        cells = row.cells
        for each in self.columns.phones:
            if each < len(cells) and trim(cell := cells[each]):
                return unescape_formula(cell)
        return ""

    def name(self, row: CsvRow) -> str:
        """Returns the name, from one column, or from first and last name."""
        cells, names = row.cells, self.columns.names
        if len(names) == 1:
            return unescape_formula(cells[names[0]]).strip() if names[0] < len(cells) else ""
        return " ".join(unescape_formula(cells[each]).strip() for each in names if each < len(cells)).strip()

    def cell(self, row: CsvRow, index: int) -> str:
        """Returns a cell; empty where the row ends before it."""
        return unescape_formula(row.cells[index]) if index < len(row.cells) else ""


@contextmanager
def read_table(file: IO[bytes], chosen: Sequence[str] | None = None, *, has_header: bool = True) -> Iterator[CsvTable]:
    """Read a file from its start; `chosen` says what its columns hold, else the header does. Raises `Unreadable`.

    Without a header, columns are called by letters, as in a spreadsheet.
    """
    beginning = file.read(4_096)
    for signature, kind in _NOT_TEXT.items():
        if beginning.startswith(signature):
            raise Unreadable("not_csv", f"this is {kind}; save it as CSV")
    encoding = _encoding_of(file, beginning)
    file.seek(0)
    text = TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        yield _table(_Lines(text), chosen, has_header)
    finally:
        # The file is the caller's to close.
        text.detach()


def _table(lines: _Lines, chosen: Sequence[str] | None, has_header: bool) -> CsvTable:
    blank, delimiter = _skip_to_header(lines)
    rows = _rows(lines, delimiter, blank + 1)
    first = next(rows)
    header = first.cells if has_header else letters(len(first.cells))
    rows = rows if has_header else chain([first], rows)
    columns = columns_by_header(header) if chosen is None else columns_by_choice(chosen)
    if chosen is not None and len(chosen) > len(header):
        raise Unreadable("too_many_columns", f"{len(chosen)} columns were named, and the file has {len(header)}")
    if chosen is None and not columns.phones:
        raise Unreadable("no_phone_column", why_no_phone_column(header))
    return CsvTable(header, columns, _with_leading(blank, rows, len(header)))


def _with_leading(blank: int, rows: Iterator[CsvRow], width: int) -> Iterator[CsvRow]:
    """Blank rows above the header count too; a row wider than the header would lose its last cells."""
    for number in range(1, blank + 1):
        yield CsvRow(number, [])
    mistake = ("too_many_cells", f"more than the {width} columns of the first row; quote cells")
    for row in rows:
        if len(row.cells) > width and row.mistake is None and any(cell.strip() for cell in row.cells[width:]):
            yield row._replace(mistake=mistake)
        else:
            yield row


def _encoding_of(file: IO[bytes], beginning: bytes) -> str:
    for bom, encoding in _BOMS:
        if beginning.startswith(bom):
            return encoding
    # Text in UTF-16 without a mark has a NUL beside most letters of the header.
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = beginning[offset::2]
        if half and half.count(0) > 0.4 * len(half):
            return encoding
    return _eight_bit(file)


def _eight_bit(file: IO[bytes]) -> str:
    """Returns UTF-8, also where a few bytes are damaged; else cp1252, in which accented letters are single bytes."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = bad = 0
    while chunk := file.read(1 << 16):
        text = decoder.decode(chunk)
        if not text.isascii():
            damaged = text.count("\N{REPLACEMENT CHARACTER}")
            bad += damaged
            good += len(text) - len(text.encode("ascii", "ignore")) - damaged
    bad += bool(decoder.decode(b"", final=True))
    return "utf-8" if good >= bad else "cp1252"


class _Lines:
    """The physical lines of a text, each with its ending; of one that is too long only the beginning."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._again: deque[str] = deque()

    def take(self) -> str:
        """Returns the next line; empty at the end."""
        return self._again.popleft() if self._again else self._read()

    def block(self) -> list[str]:
        """Returns many lines at once; none where the next one is too long, and at the end."""
        taken: list[str] = []
        while len(taken) < BLOCK and (line := self.take()):
            if _is_cut(line):
                self._again.appendleft(line)
                break
            taken.append(line)
        return taken

    def give_back(self, lines: list[str]) -> None:
        """Put these lines back, to be taken again in order."""
        self._again.extendleft(reversed(lines))

    @property
    def ended(self) -> bool:
        """Whether there is no further line."""
        if not self._again and (line := self._read()):
            self._again.append(line)
        return not self._again

    def _read(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if _is_cut(line):
            while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
            return line
        return line.rstrip(_END_OF_FILE)


def _is_cut(line: str) -> bool:
    return len(line) == LONGEST_LINE and not line.endswith(("\n", "\r"))


class _Unclosed(Exception):
    pass


class _Pulled:
    """The lines that a `csv.reader` pulls for one row: several only within quotes, and not endlessly."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> _Pulled:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES or sum(map(len, self.taken)) > LONGEST_ROW:
            raise _Unclosed
        line = self._lines.take()
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line


def _rows(lines: _Lines, delimiter: str, number: int) -> Iterator[CsvRow]:
    """Yields each row. A quote that is not closed spoils its own line only: reading continues after it."""
    while not lines.ended:
        block = lines.block()
        rows = 0
        for cells in _whole_lines(block, delimiter):
            yield CsvRow(number + rows, cells)
            rows += 1
        number += rows
        lines.give_back(block[rows:])
        if rows < len(block) or not block:
            yield _careful_row(lines, delimiter, number)
            number += 1


def _whole_lines(block: list[str], delimiter: str) -> Iterator[list[str]]:
    """Yields the cells of each line, as long as every line is certainly a row of its own."""
    reader = csv.reader(block, delimiter=delimiter, skipinitialspace=True)
    doubtful = len(block) if block and '"' in block[-1] else len(block) + 1
    try:
        for row, cells in enumerate(reader, 1):
            if reader.line_num != row or row == doubtful:
                return
            yield cells
    except csv.Error:
        return


def _careful_row(lines: _Lines, delimiter: str, number: int) -> CsvRow:
    """Returns the next row where a quote may be open: of several lines, of one, or a mistake."""
    pulled = _Pulled(lines)
    try:
        cells = next(csv.reader(pulled, delimiter=delimiter, skipinitialspace=True))
        closed = len(pulled.taken) == 1 or _is_closed(pulled.taken, delimiter)
    except (_Unclosed, csv.Error):
        closed = False
    if not closed:
        first, *rest = pulled.taken
        lines.give_back(rest)
        return CsvRow(number, [first.rstrip("\r\n")], ("unclosed_quote", "a quoted cell is not closed"))
    if any(map(_is_cut, pulled.taken)):
        return CsvRow(number, [cell[:200] for cell in cells], ("line_too_long", f"over {LONGEST_LINE:,} characters"))
    return CsvRow(number, cells)


def _is_closed(taken: list[str], delimiter: str) -> bool:
    """Returns whether the last quote of several lines closes a cell rather than opening one of a later row."""
    try:
        list(csv.reader(taken, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return False
    return True


def _skip_to_header(lines: _Lines) -> tuple[int, str]:
    """Skip blank lines and Excel's `sep=`. Returns how many were blank, and the delimiter."""
    blank = 0
    while line := lines.take():
        if hint := re.match(r"sep=(.)\r?\n?\Z", line, re.IGNORECASE):
            return blank, hint[1]
        if line.strip():
            lines.give_back([line])
            return blank, _delimiter_of(line)
        blank += 1
    raise Unreadable("empty_file", "the file is empty")


def _delimiter_of(header: str) -> str:
    """Returns the delimiter that gives the header a phone column, and most columns."""

    def columns(delimiter: str) -> tuple[bool, int]:
        cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
        return bool(phone_columns(cells)), len(cells)

    return max(_DELIMITERS, key=columns)
