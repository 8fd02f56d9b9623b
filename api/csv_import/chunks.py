"""Rows of a file in chunks: each row is put into its class, as far as the file alone tells, and chunks are cut.

Used by `api.csv_import.runner`. Every row is in exactly one chunk and counted in exactly one class; which of the valid
lines are members or customers already, `domain.commands.imports` decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from api.csv_import.reader import CsvRow, CsvTable
from domain.import_lines import (
    CHUNK,
    ImportChunk,
    ImportLine,
    ImportLineError,
    parse_name_cell,
    parse_phone_cell,
    parse_value_cell,
)
from domain.instants import Arrival, micros
from domain.texts.language import said
from domain.values import BadValue, Value
from projections.records.imports import ImportRow

# Blank and repeated rows store nothing: a chunk ends after so many of any kind.
MOST_ROWS = 50_000
# A chunk is made as small as it must be for its import to progress this often, on a busy machine too.
STEP_SECONDS = 0.4
LEAST = 200
SHOWN_CELL = 1_000
_NUMBERS = re.compile(r"\+?\d(?:[ ().\-/]{0,3}\d){4,18}")


@dataclass
class ChunkBuilder:
    """The rows of the next chunk by class; `seen` holds the phone numbers of every line so far."""

    table: CsvTable
    country: str
    seen: set[int] = field(default_factory=set)
    lines: list[ImportLine] = field(default_factory=list)
    errors: list[ImportLineError] = field(default_factory=list)
    duplicates: int = 0
    blank: int = 0
    # How many rows that store something make a chunk.
    enough: int = field(default_factory=lambda: CHUNK)

    def add(self, row: CsvRow) -> None:
        """Put a row into its class."""
        text = self.table.phone(row)
        if row.mistake is not None:
            self._reject(row, *row.mistake)
        elif not text and row.blank:
            self.blank += 1
        elif isinstance(phone := parse_phone_cell(text, self.country), BadValue):
            self._reject(row, *phone)
        elif isinstance(name := parse_name_cell(self.table.name(row)), BadValue):
            self._reject(row, name.code, f"name: {name.detail}")
        elif (number := int(phone)) in self.seen:
            self.duplicates += 1
        elif isinstance(values := self._values(row), BadValue):
            self._reject(row, *values)
        else:
            self.seen.add(number)
            self.lines.append(ImportLine(row.number, phone, name, values))

    def _values(self, row: CsvRow) -> dict[str, Value] | BadValue:
        """The attributes in a row; a blank cell says nothing."""
        values: dict[str, Value] = {}
        for index, key, kind in self.table.columns.attributes:
            value = parse_value_cell(kind, self.table.cell(row, index), self.country)
            if isinstance(value, BadValue):
                return BadValue(
                    value.code,
                    said("%(column)s: %(detail)s", column=self.table.header[index].strip() or key, detail=value.detail),
                )
            if value is not None:
                values[key] = value
        return values

    def _reject(self, row: CsvRow, code: str, message: str) -> None:
        cells = [cell[:SHOWN_CELL] for cell in row.cells]
        self.errors.append(ImportLineError(row.number, cells, code, message, self._phones_within(cells)))

    def _phones_within(self, cells: list[str]) -> list[str]:
        """Collect the phone numbers in a rejected row, so that erasing that customer also erases the row."""
        phones = (parse_phone_cell(text, self.country) for cell in cells for text in _NUMBERS.findall(cell))
        return list(dict.fromkeys(each for each in phones if not isinstance(each, BadValue)))

    @property
    def work(self) -> int:
        """How many rows store something: blank and repeated ones are only counted."""
        return len(self.lines) + len(self.errors)

    @property
    def is_full(self) -> bool:
        """Whether there are enough rows for a chunk."""
        return self.work >= self.enough

    def fit(self, seconds: float) -> None:
        """Steer the next chunk's size by how many seconds the last one took."""
        wanted = int(self.enough * min(2.0, STEP_SECONDS / max(seconds, 0.001)))
        self.enough = min(CHUNK, max(LEAST, wanted))

    def clear(self) -> None:
        """Begin a new chunk."""
        self.lines, self.errors, self.duplicates, self.blank = [], [], 0, 0


def chunks_of(row: ImportRow, builder: ChunkBuilder, file: IO[bytes], size: int) -> Iterator[ImportChunk]:
    """Yields the rows behind those that are counted already; the last chunk, which may be empty, is `finished`.

    `file` is the one that the builder's table reads, of `size` bytes.
    """
    done = 0
    for count, each in enumerate(builder.table.rows, 1):
        builder.add(each)
        if count <= row.lines:
            # An earlier run has imported these: only their numbers matter, to recognise duplicates.
            done = count
            if done == row.lines or builder.is_full:
                builder.clear()
        elif builder.is_full or count - done == MOST_ROWS:
            yield _chunk(row, builder, done, file.tell() * 99 // max(size, 1), finished=False)
            done = count
            builder.clear()
    yield _chunk(row, builder, done, 100, finished=True)


def _chunk(row: ImportRow, builder: ChunkBuilder, before: int, percent: int, *, finished: bool) -> ImportChunk:
    return ImportChunk(
        import_id=row.import_id,
        segment_id=row.segment_id,
        before=before,
        lines=builder.lines,
        errors=builder.errors,
        duplicates=builder.duplicates,
        blank=builder.blank,
        percent=percent,
        header=builder.table.header,
        finished=finished,
        arrival=Arrival("csv", micros(row.started_at) // 1000),
        by=row.started_by,
        is_check=row.state == "checking",
    )
