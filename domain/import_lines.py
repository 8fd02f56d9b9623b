"""The lines of a CSV import: their phone numbers and names, the class each is counted in, and chunks of them.

`api.csv_import.runner` reads rows into lines here; `domain.commands.imports` ingests them a chunk at a time.
Every row of the file after the header is counted in exactly one class of `Counts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from domain import json_text
from domain.instants import Arrival
from domain.phone_patterns import parse_plain
from domain.phones import parse_phone
from domain.texts.language import said
from domain.values import MAX_TEXT, AttributeType, BadValue, Value, normalise, trim

CHUNK = 2_000
_FORMULA = re.compile(r'="?([^"]*)"?\Z')
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[eE]\s*[+-]?\d+\Z")
_DECIMAL = re.compile(r"[+-]?\d+[.,]0+\Z")
_EXTENSION = re.compile(r"(?<=\d)\W*(?:ext\w*|x)\W*\d{1,6}\Z", re.IGNORECASE)
_LETTER_WITHIN = re.compile(r"\d\W*[^\W\d_]")
_SECOND_NUMBER = re.compile(r"\d\s*[,;]\s*\+?\d(?:[ .\-]?\d){6,}")
_YES = frozenset(("true", "yes", "y", "1", "x", "sim", "s", "sí", "si", "oui", "ja", "wahr"))
_NO = frozenset(("false", "no", "n", "0", "não", "nao", "non", "nein", "falsch"))
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class ImportLine(NamedTuple):
    """A valid line: a phone number in normal form, and the name and attributes beside it, if any."""

    row: int
    phone: str
    name: str | None
    values: Mapping[str, Value] = MappingProxyType({})


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

    `before` is how many rows were ingested before, `arrival` when the file was received, `by` who sent it.
    `is_check`: it is only found out what would be done.
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
    by: str | None = None
    is_check: bool = False


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
    opted_out: int = 0
    is_check: bool = False


def parse_phone_cell(cell: str, country: str) -> str | BadValue:
    """The phone number in a cell, whatever a spreadsheet did to it, in normal form; or what is wrong with it."""
    if "." not in cell and (plain := parse_plain(cell, country)) is not None:
        return plain
    text = trim(cell)
    if formula := _FORMULA.match(text):
        text = formula[1].strip()
    text = text.removeprefix("'").strip()
    if not text:
        return BadValue("phone_missing", said("the row has no phone number"))
    if _SCIENTIFIC.match(text):
        return BadValue(
            "phone_in_scientific_notation",
            said("a spreadsheet turned the number into scientific notation and lost digits; format the column as text"),
        )
    if _DECIMAL.match(text):
        return BadValue(
            "phone_as_decimal", said("a spreadsheet turned the number into a decimal; format the column as text")
        )
    number = parse_phone(text, country)
    # The library turns the letters of 91X XXX XXX into digits, ignores a single letter, and takes a second number for
    # an extension.
    if isinstance(number, str) and _LETTER_WITHIN.search(_EXTENSION.sub("", text)):
        return BadValue("invalid_phone", said("a phone number with letters in it; write digits only"))
    if isinstance(number, str) and _SECOND_NUMBER.search(text):
        return BadValue(
            "invalid_phone", said("more than one phone number; keep one, and give the others rows of their own")
        )
    return number


def parse_value_cell(kind: AttributeType, cell: str, country: str) -> Value | BadValue | None:
    """The value of an attribute in a cell, as people write it in the account's country; `None` for a blank one."""
    text = trim(cell)
    if not text:
        return None
    if _UNREADABLE in cell:
        return BadValue("unreadable_characters", said("holds characters that cannot be read; save the file as UTF-8"))
    match kind:
        case "number":
            plain = _plain_number(text)
            return plain if isinstance(plain, BadValue) else normalise(kind, json_text.loads(plain))
        case "boolean":
            if text.casefold() in _YES | _NO:
                return text.casefold() in _YES
            return BadValue("invalid_boolean", said("is neither yes nor no; write true or false"))
        case "date":
            return _plain_date(text, country)
        case "list":
            return normalise(kind, re.split(r"[;|,]", text))
    return normalise(kind, text)


def _plain_number(text: str) -> str | BadValue:
    """A number as JSON has it. One that is written with a single comma or point before three digits could be two."""
    bare = re.sub(r"[\s\u00a0\u202f']", "", text)
    if re.fullmatch(r"[+-]?\d{1,3}([.,]\d{3})", bare) and "," in bare:
        return BadValue("ambiguous_number", said("may be a thousand or a fraction; write 1234 or 1.234"))
    if "," in bare and "." in bare:
        bare = bare.replace("." if bare.rindex(",") > bare.rindex(".") else ",", "")
    bare = bare.replace(",", ".").removeprefix("+")
    if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", bare):
        return BadValue("invalid_number", said("is not a number; write digits, and a point before a fraction"))
    return bare


def _plain_date(text: str, country: str) -> Value | BadValue | None:
    if found := re.fullmatch(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", text):
        first, second, year = int(found[1]), int(found[3]), found[4]
        month, day = (first, second) if country == "US" and found[2] != "." else (second, first)
        text = f"{year}-{month:02}-{day:02}"
    return normalise("date", text)


def parse_name_cell(cell: str) -> str | BadValue | None:
    """The name in a cell, in normal form."""
    if len(cell) < MAX_TEXT and cell.isascii() and cell.isprintable():
        return cell.strip() or None
    if _UNREADABLE in cell:
        return BadValue("unreadable_characters", said("holds characters that cannot be read; save the file as UTF-8"))
    name = normalise("text", cell)
    assert name is None or isinstance(name, str | BadValue)
    return name
