"""The lines of a CSV import: their phone numbers and names, the class each is counted in, and chunks of them.

`api.csv_import.runner` reads rows into lines here; `domain.commands.imports` ingests them a chunk at a time.
Every row of the file after the header is counted in exactly one class of `Counts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.instants import Arrival
from domain.phone_patterns import parse_plain
from domain.phones import parse_phone
from domain.values import MAX_TEXT, BadValue, normalise, trim

CHUNK = 2_000
_FORMULA = re.compile(r'="?([^"]*)"?\Z')
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[eE]\s*[+-]?\d+\Z")
_DECIMAL = re.compile(r"[+-]?\d+[.,]0+\Z")
_EXTENSION = re.compile(r"(?<=\d)\W*(?:ext\w*|x)\W*\d{1,6}\Z", re.IGNORECASE)
_LETTER_WITHIN = re.compile(r"\d\W*[^\W\d_]")
_SECOND_NUMBER = re.compile(r"\d\s*[,;]\s*\+?\d(?:[ .\-]?\d){6,}")
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class ImportLine(NamedTuple):
    """A valid line: a phone number in normal form, and the name beside it, if any."""

    row: int
    phone: str
    name: str | None


class ImportLineError(NamedTuple):
    """An invalid line: its cells as they were, what is wrong with it, and the phone numbers found in it."""

    row: int
    cells: Sequence[str]
    code: str
    message: str
    numbers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lines ended in each class; every line is in exactly one."""

    added: int = 0
    already_members: int = 0
    created_customers: int = 0
    duplicates_in_file: int = 0
    blank: int = 0
    invalid: int = 0

    @property
    def lines(self) -> int:
        """All of them."""
        return sum(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True)
class ImportChunk:
    """Some rows of a file: the valid lines, each phone number at most once, and the counts of the others.

    `before` is how many rows were ingested before, `arrival` when the file was received.
    """

    import_id: UUID
    segment_id: UUID
    before: int
    lines: Sequence[ImportLine]
    errors: Sequence[ImportLineError]
    duplicates: int
    blank: int
    percent: int
    header: Sequence[str]
    finished: bool
    arrival: Arrival | None = None


@dataclass(frozen=True, slots=True)
class ImportStep:
    """What a chunk adds to its import, stored in the transaction of its events.

    `erasures` is how many erasures the import had met when the chunk was decided.
    """

    import_id: UUID
    before: int
    erasures: int
    counts: Counts
    errors: Sequence[ImportLineError]
    percent: int
    header: Sequence[str]
    finished: bool
    at: datetime


def parse_phone_cell(cell: str, country: str) -> str | BadValue:
    """The phone number in a cell, whatever a spreadsheet did to it, in normal form; or what is wrong with it."""
    if "." not in cell and (plain := parse_plain(cell, country)) is not None:
        return plain
    text = trim(cell)
    if formula := _FORMULA.match(text):
        text = formula[1].strip()
    text = text.removeprefix("'").strip()
    if not text:
        return BadValue("phone_missing", "the row has no phone number")
    if _SCIENTIFIC.match(text):
        return BadValue(
            "phone_in_scientific_notation",
            "a spreadsheet turned the number into scientific notation and lost digits; format the column as text",
        )
    if _DECIMAL.match(text):
        return BadValue("phone_as_decimal", "a spreadsheet turned the number into a decimal; format the column as text")
    number = parse_phone(text, country)
    # The library turns the letters of 91X XXX XXX into digits, ignores a single letter, and takes a second number for
    # an extension.
    if isinstance(number, str) and _LETTER_WITHIN.search(_EXTENSION.sub("", text)):
        return BadValue("invalid_phone", "a phone number with letters in it; write digits only")
    if isinstance(number, str) and _SECOND_NUMBER.search(text):
        return BadValue("invalid_phone", "more than one phone number; keep one, and give the others rows of their own")
    return number


def parse_name_cell(cell: str) -> str | BadValue | None:
    """The name in a cell, in normal form."""
    if len(cell) < MAX_TEXT and cell.isascii() and cell.isprintable():
        return cell.strip() or None
    if _UNREADABLE in cell:
        return BadValue("unreadable_characters", "holds characters that cannot be read; save the file as UTF-8")
    name = normalise("text", cell)
    assert name is None or isinstance(name, str | BadValue)
    return name
