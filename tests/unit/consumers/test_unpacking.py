"""Our decoder in place of the client library's: transactions, checksums, compression errors."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import pytest
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

from consumers.kafka.unpacking import Unpacking
from consumers.records import Record

GZIP = 1


def batch(base: int, values: list[bytes], producer: int = -1, compression: int = 0) -> bytes:
    transactional = producer >= 0
    epoch = 0 if transactional else -1
    builder = DefaultRecordBatchBuilder(2, compression, transactional, producer, epoch, epoch, 1_000_000)
    for number, value in enumerate(values):
        assert builder.append(number, 1_000, None, value, [])
    return struct.pack(">q", base) + bytes(builder.build())[8:]


def marker(base: int, producer: int, kind: int) -> bytes:
    """The record that ends a transaction: 0 aborts it, 1 commits it."""
    builder = DefaultRecordBatchBuilder(2, 0, True, producer, 0, -1, 1_000)
    assert builder.append(0, 1_000, struct.pack(">hh", 0, kind), b"\0" * 6, [])
    raw = bytearray(builder.build())
    raw[22] |= 0x20  # a control batch; the checksum is renewed below
    from kafka.record.util import calc_crc32c

    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
    return struct.pack(">q", base) + bytes(raw)[8:]


def unpacked(raw: bytes, start: int = 0, aborted: list[tuple[int, int]] | None = None) -> list[Record]:
    transactions = [SimpleNamespace(producer_id=producer, first_offset=first) for producer, first in aborted or []]
    records = Unpacking(
        start, TopicPartition("t", 0), MemoryRecords(raw), isolation_level=IsolationLevel.READ_COMMITTED,
        aborted_transactions=transactions,
    )  # fmt: skip
    found: list[Record] = records.take()
    assert records.record_iterator is None
    return found


def test_batches_follow_each_other_and_reading_starts_at_the_requested_offset() -> None:
    raw = batch(10, [b"a", b"b", b"c"]) + batch(13, [b"d"], compression=GZIP)
    assert [(each.offset, each.value) for each in unpacked(raw, start=11)] == [(11, b"b"), (12, b"c"), (13, b"d")]


def test_an_aborted_transaction_is_skipped_and_the_next_one_of_the_same_producer_is_not() -> None:
    raw = (
        batch(0, [b"1"], producer=7)
        + batch(1, [b"other"], producer=8)
        + batch(2, [b"2"], producer=7)
        + marker(3, 7, 0)
        + batch(4, [b"3"], producer=7)
        + marker(5, 7, 1)
        + marker(6, 8, 1)
    )
    assert [each.value for each in unpacked(raw, aborted=[(7, 0)])] == [b"other", b"3"]


def test_a_wrong_checksum_raises_so_that_it_is_retried() -> None:
    raw = bytearray(batch(0, [b"value"]))
    raw[-2] ^= 1
    with pytest.raises(CorruptRecordError):
        unpacked(bytes(raw))


def test_a_batch_that_cannot_be_decompressed_is_one_record_with_a_fault() -> None:
    raw = bytearray(batch(0, [b"plain", b"text"]))
    raw[22] |= GZIP
    from kafka.record.util import calc_crc32c

    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
    (bad, good) = unpacked(bytes(raw) + batch(2, [b"next"]))
    assert bad.fault
    assert bad.offset == 1
    assert bad.value
    assert good.value == b"next"
