"""Arrays for batches: PostgreSQL's binary form of a column, made a column at a time.

Used for the parameters of the hot statements (`%b::bigint[]`). psycopg dumps arrays an element at a time,
which cost more than matching the changes did; these do the same in a few operations on whole columns.
The form is that of `array_send` in PostgreSQL: dimensions, null flag, element type, then length and bytes of
each element.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = struct.Struct("!iiIii")
_NULL = b"\xff\xff\xff\xff"


class Bigints:
    """A column of whole numbers within 64 bits."""

    element: ClassVar[int] = 20

    def __init__(self, values: Iterable[int]) -> None:
        swapped = array("q", values)
        swapped.byteswap()
        raw, count = swapped.tobytes(), len(swapped)
        body = bytearray(12 * count)
        body[3::12] = b"\x08" * count
        for place in range(8):
            body[4 + place :: 12] = raw[place::8]
        self.binary = _HEADER.pack(1, 0, self.element, count, 1) + body


class Uuids:
    """A column of UUIDs."""

    element: ClassVar[int] = 2950

    def __init__(self, values: Sequence[UUID]) -> None:
        if _is_one(values):
            body = (b"\x00\x00\x00\x10" + values[0].bytes) * len(values)
        else:
            body = b"".join([b"\x00\x00\x00\x10" + value.bytes for value in values])
        self.binary = _HEADER.pack(1, 0, self.element, len(values), 1) + body


class Booleans:
    """A column of truth values."""

    element: ClassVar[int] = 16

    def __init__(self, values: Sequence[bool]) -> None:
        body = bytearray(b"\x00\x00\x00\x01\x00" * len(values))
        body[4::5] = bytes(values)
        self.binary = _HEADER.pack(1, 0, self.element, len(values), 1) + body


class Texts:
    """A column of texts (`bytes` are taken as UTF-8), some of them missing."""

    element: ClassVar[int] = 25

    def __init__(self, values: Sequence[str | bytes | None]) -> None:
        if _is_one(values):
            body = _text(values[0]) * len(values)
        elif None in values:
            body = b"".join([_text(value) for value in values])
        else:
            encoded = [value.encode() if isinstance(value, str) else value or b"" for value in values]
            body = b"".join([len(each).to_bytes(4, "big") + each for each in encoded])
        self.binary = _HEADER.pack(1, 1, self.element, len(values), 1) + body


def _text(value: str | bytes | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode() if isinstance(value, str) else value
    return len(encoded).to_bytes(4, "big") + encoded


def _is_one(values: Sequence[Any]) -> bool:
    """Returns whether a column holds one value all the way down, as those of account and cause mostly do."""
    return bool(values) and values[0] is values[-1] and values.count(values[0]) == len(values)


class Byteas(Texts):
    """A column of bytes."""

    element: ClassVar[int] = 17


def column(values: Sequence[Any]) -> Any:
    """The column of whatever these values are; numbers of which some are missing stay as they are."""
    first = next((value for value in values if value is not None), None)
    match first:
        case bool():
            return Booleans(values)
        case int():
            return list(values) if None in values else Bigints(values)
        case UUID():
            return Uuids(values)
    return Texts(values)


def columns(rows: Iterable[Sequence[Any]]) -> list[Any]:
    """The columns of some rows, for as many parameters."""
    return [column(values) for values in zip(*rows, strict=True)]


def _register(kind: type[Bigints | Uuids | Booleans | Texts], array_oid: int) -> None:
    class ColumnDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Bigints | Uuids | Booleans | Texts) -> Buffer:
            return obj.binary

    psycopg.adapters.register_dumper(kind, ColumnDumper)


_register(Bigints, 1016)
_register(Uuids, 2951)
_register(Booleans, 1000)
_register(Texts, 1009)
_register(Byteas, 1001)
