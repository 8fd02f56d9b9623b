"""Decodes the records of a batch that may unpack to more than memory should hold.

Called by `consumers.kafka.unpacking`. What always holds: at most a few times `Limits.record_bytes` are in memory; every
record of the batch is returned once; one that is larger than `record_bytes` keeps its place, time, key and headers, and
the beginning of its value. After `batch_bytes` the rest of the batch is not unpacked. Pure: no client, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from consumers.records import BatchFrame, Record, decode_record, decode_varint, header_name, records_of, unreadable

# How much is kept of each part of a record that is too large: its key, its value, and its headers together.
KEPT_BYTES = 64 * 1024
# What a record may add to its content: its length, and the numbers before its key.
_SLACK = 64

Read = Callable[[int], bytes]


class Limits(NamedTuple):
    """How large a record, and all records of a batch together, may be once they are unpacked, in bytes."""

    record_bytes: int = 1 << 20
    batch_bytes: int = 1 << 30


DEFAULT_LIMITS = Limits()


class BatchTooLargeError(Exception):
    """The batch unpacks to more than `Limits.batch_bytes`."""


def stream_records(frame: BatchFrame, read: Read, limits: Limits) -> Iterator[Record]:
    """Yields the records of a batch. `read(n)` returns its next unpacked bytes, at most `n`; none at its end.

    Raises what `read` raises before the first record was yielded; a later error becomes a record with a `fault`.
    """
    window = _Window(read, limits.batch_bytes)
    try:
        window.fill(limits.record_bytes + 1)
    except BatchTooLargeError:
        yield from _not_unpacked(frame, frame.records, limits.batch_bytes)
        return
    if window.is_whole:
        yield from records_of(frame, window.data)
        return
    yield from _large_batch(frame, window, limits)


def _large_batch(frame: BatchFrame, window: _Window, limits: Limits) -> Iterator[Record]:
    missing = frame.records
    try:
        while missing:
            window.fill(limits.record_bytes + _SLACK)
            length, _ = decode_varint(window.data, window.pos)
            if length <= limits.record_bytes:
                record, window.pos = decode_record(frame, window.data, window.pos)
            else:
                record = _large_record(frame, window, limits.record_bytes)
            missing -= 1
            yield record
        window.fill(1)
        if not window.has_more:
            return
        fault = "there are bytes after the last record of the batch"
    except BatchTooLargeError:
        yield from _not_unpacked(frame, missing, limits.batch_bytes)
        return
    except (IndexError, ValueError) as broken:
        fault = f"the record batch is damaged: {broken}"
    except Exception as broken:  # each codec has errors of its own
        fault = f"cannot be decompressed to its end: {type(broken).__name__}"
    yield unreadable(frame, window.data[window.pos : window.pos + KEPT_BYTES], fault)


def _not_unpacked(frame: BatchFrame, missing: int, limit: int) -> Iterator[Record]:
    at = frame.append_timestamp or frame.first_timestamp
    fault = f"the batch unpacks to more than {limit:,} bytes, and the rest of it was not unpacked; send smaller batches"
    for offset in range(frame.last_offset - missing + 1, frame.last_offset + 1):
        yield Record(offset, at, None, b"", [], fault, "batch_too_large")


def _large_record(frame: BatchFrame, window: _Window, limit: int) -> Record:
    length = window.varint()
    end = window.position + length
    window.take(1)
    timestamp = frame.append_timestamp if frame.append_timestamp is not None else frame.first_timestamp
    delta = window.varint()
    if frame.append_timestamp is None:
        timestamp += delta
    offset_delta = window.varint()
    if not 0 <= offset_delta <= frame.last_offset - frame.base_offset:
        raise ValueError("an offset is outside its batch")
    key = window.field(KEPT_BYTES)
    value = window.field(KEPT_BYTES)
    headers: list[tuple[str, bytes | None]] = []
    room = KEPT_BYTES
    for _ in range(window.varint()):
        if window.position >= end:
            raise ValueError("a header is longer than its record")
        name, content = window.field(room), window.field(room)
        room = max(0, room - len(name or b"") - len(content or b""))
        if room:
            headers.append((header_name(name or b""), content))
    if window.position != end:
        raise ValueError("a record is longer than its parts")
    fault = (
        f"the record has {length:,} bytes, more than {limit:,}; of its value, its key and its headers "
        f"the first {KEPT_BYTES:,} bytes each are kept"
    )
    return Record(frame.base_offset + offset_delta, timestamp, key, value, headers, fault, "record_too_large")


class _Window:
    """The bytes of a batch that are in memory: `data` from `pos` on."""

    def __init__(self, read: Read, limit: int) -> None:
        self._read = read
        self._limit = limit
        self._unpacked = 0
        self._is_at_end = False
        self.data = b""
        self.pos = 0

    @property
    def is_whole(self) -> bool:
        """Returns whether the window holds everything from the beginning to the end."""
        return self._is_at_end and self.pos == 0

    @property
    def has_more(self) -> bool:
        """Returns whether the window holds bytes that were not used."""
        return self.pos < len(self.data)

    @property
    def position(self) -> int:
        """The number of unpacked bytes before `pos`."""
        return self._unpacked - len(self.data) + self.pos

    def fill(self, wanted: int) -> None:
        """Unpack until the window holds `wanted` unused bytes, or everything. Raises `BatchTooLargeError`."""
        missing = wanted - (len(self.data) - self.pos)
        if missing <= 0 or self._is_at_end:
            return
        # Twice as much as is asked for, so that records are not moved in memory one by one.
        parts, missing = [self.data[self.pos :]], missing + wanted
        while missing > 0:
            part = self._read(missing)
            if not part:
                self._is_at_end = True
                break
            parts.append(part)
            missing -= len(part)
            self._unpacked += len(part)
        self.data, self.pos = b"".join(parts), 0
        if self._unpacked > self._limit:
            raise BatchTooLargeError

    def varint(self) -> int:
        """Returns the next number."""
        self.fill(10)
        number, self.pos = decode_varint(self.data, self.pos)
        return number

    def take(self, count: int) -> bytes:
        """Returns the next bytes. Raises `ValueError` where there are fewer."""
        self.fill(count)
        taken = self.data[self.pos : self.pos + count]
        if len(taken) < count:
            raise ValueError("a record is longer than its batch")
        self.pos += count
        return taken

    def field(self, kept: int) -> bytes | None:
        """Returns the first `kept` bytes of the next key, value or header, and passes over the rest."""
        length = self.varint()
        if length < 0:
            return None
        beginning = self.take(min(length, kept))
        rest = length - len(beginning)
        while rest > 0:
            rest -= len(self.take(min(rest, KEPT_BYTES)))
        return beginning
