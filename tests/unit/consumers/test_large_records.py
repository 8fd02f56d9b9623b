"""Records and batches that unpack to more than memory should hold: bounded, and each record is returned once."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest
from kafka.codec import snappy_encode
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.structs import TopicPartition

from consumers.kafka import unpacking
from consumers.kafka.decompression import reader_of
from consumers.record_stream import KEPT_BYTES, Limits, stream_records
from consumers.records import BatchFrame, Record

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
LIMITS = Limits(record_bytes=100_000, batch_bytes=50_000_000)
HEADERS = [("ce_id", b"1"), ("ce_type", b"t")]


def batch(values: list[bytes], codec: str = "zstd") -> bytes:
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 1 << 30)
    for number, value in enumerate(values):
        assert builder.append(number, 1_000 + number, b"key", value, HEADERS)
    return bytes(builder.build())


def fetched(raw: bytes, limits: Limits = LIMITS) -> Iterator[list[Record]]:
    """What each poll returns."""
    fetcher = SimpleNamespace(_append=None, PartitionRecords=None)
    budget = unpacking.install(fetcher, limits)
    part = fetcher.PartitionRecords(
        0, TopicPartition("t", 0), MemoryRecords(raw), isolation_level=IsolationLevel.READ_COMMITTED
    )
    while part.record_iterator is not None:
        budget.unpacked = 0
        yield part.take(1_000)


def unpacked(raw: bytes, limits: Limits = LIMITS) -> list[Record]:
    return [record for poll in fetched(raw, limits) for record in poll]


@pytest.mark.parametrize("codec", CODECS)
def test_a_record_that_is_too_large_keeps_all_but_the_end_of_its_value(codec: str) -> None:
    records = unpacked(batch([b"before", b"x" * 5_000_000, b"after"], codec))
    assert [record.offset for record in records] == [0, 1, 2]
    assert [records[0].value, records[2].value] == [b"before", b"after"]
    large = records[1]
    assert (large.timestamp, large.key, large.headers) == (1_001, b"key", HEADERS)
    assert large.value == b"x" * KEPT_BYTES
    assert large.fault_code == "record_too_large"
    assert "more than 100,000" in str(large.fault)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [99_900, 100_000, 100_100])
def test_the_limit_is_that_of_the_record_not_of_the_batch(codec: str, size: int) -> None:
    values = [bytes([number]) * size for number in range(7)]
    records = unpacked(batch(values, codec))
    too_large = size > 99_950
    assert [record.fault is not None for record in records] == [too_large] * 7
    assert [record.value for record in records] == [value[:KEPT_BYTES] if too_large else value for value in values]


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_larger_than_memory_should_hold_is_returned_record_by_record(codec: str) -> None:
    values = [b"%07d" % number * 100 for number in range(40_000)]  # 28 MB
    polls = list(fetched(batch(values, codec)))
    assert [record.value for poll in polls for record in poll] == values
    assert max(sum(len(record.value or b"") for record in poll) for poll in polls) <= unpacking.POLL_BYTES


def test_what_follows_the_limit_of_a_batch_is_not_unpacked_and_each_record_has_a_fault() -> None:
    values = [b"small", *[b"y" * 90_000] * 100]
    limits = Limits(record_bytes=100_000, batch_bytes=1_000_000)
    records = unpacked(batch(values), limits)
    assert [record.offset for record in records] == list(range(101))
    good = [record for record in records if record.fault is None]
    assert 1 < len(good) <= 11
    assert records[: len(good)] == good
    assert {(each.fault_code, each.value) for each in records[len(good) :]} == {("batch_too_large", b"")}


def test_a_batch_of_which_the_first_record_is_beyond_the_limit() -> None:
    records = unpacked(batch([b"z" * 3_000_000, b"next"]), Limits(record_bytes=100_000, batch_bytes=150_000))
    assert [(each.offset, each.fault_code) for each in records] == [(0, "batch_too_large"), (1, "batch_too_large")]


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_memory_is_bounded_whatever_is_sent(codec: str) -> None:
    raw = batch([b"a" * 60_000_000, b"next"], codec)
    limits = Limits(record_bytes=1 << 20)
    if codec == "snappy":  # the library's own encoder makes blocks of 32 KB
        assert len(raw) < 4_000_000
    tracemalloc.start()
    try:
        records = unpacked(raw, limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(each.offset, each.fault_code if each.fault else None) for each in records] == [
        (0, "record_too_large"),
        (1, None),
    ]
    assert peak < len(raw) * 3 + 24_000_000


def test_headers_and_key_that_are_too_large_are_cut_too() -> None:
    builder = DefaultRecordBatchBuilder(2, 1, 0, -1, -1, -1, 1 << 30)
    headers = [("a", b"h" * 40_000), ("b", b"h" * 40_000), ("c", None)]
    assert builder.append(0, 1_000, b"k" * 300_000, None, headers)
    (record,) = unpacked(bytes(builder.build()))
    assert (record.key, record.value) == (b"k" * KEPT_BYTES, None)
    assert record.headers == [("a", b"h" * 40_000)]
    assert record.fault_code == "record_too_large"


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_batch_whose_end_is_missing_ends_in_a_record_with_a_fault(codec: str, kept: float) -> None:
    values = [bytes([number % 251]) * 3_000 + b"%d" % number for number in range(500)]
    raw = bytearray(batch(values, codec))
    header = 61
    cut = bytes(raw[: header + int((len(raw) - header) * kept)])
    from kafka.record.util import calc_crc32c

    damaged = bytearray(cut)
    struct.pack_into(">i", damaged, 8, len(damaged) - 12)
    struct.pack_into(">I", damaged, 17, calc_crc32c(memoryview(damaged)[21:]))
    records = unpacked(bytes(damaged))
    assert records[-1].fault is not None
    assert records[-1].offset == 499
    assert [record.value for record in records[:-1]] == values[: len(records) - 1]
    assert all(one.offset < other.offset for one, other in pairwise(records))


def test_a_block_of_snappy_that_lies_about_its_size_allocates_nothing() -> None:
    lie = b"\xff\xff\xff\xff\x0f" + b"\x00a"
    frame = BatchFrame(0, 0, 1, 1_000, None)
    with pytest.raises(ValueError, match="claims more"):
        list(stream_records(frame, reader_of(2, lie), LIMITS))


@pytest.mark.parametrize("bare", [True, False])
def test_both_framings_of_snappy_are_read(bare: bool) -> None:
    content = b"some text " * 20_000
    read = reader_of(2, snappy_encode(content, xerial_compatible=not bare))
    found = b""
    while part := read(7_777):
        found += part
    assert found == content


@pytest.mark.parametrize("magic", [0, 1])
def test_a_batch_of_the_old_format_is_read_if_it_is_small_and_one_letter_if_not(magic: int) -> None:
    for size, faults in ((10, [None, None]), (200_000, ["unreadable_record"])):
        builder = LegacyRecordBatchBuilder(magic, CODECS["gzip"], 1 << 30)
        for number in range(2):
            assert builder.append(number, 1_000, b"k", b"v" * size)
        records = unpacked(bytes(builder.build()))
        assert [each.fault_code if each.fault else None for each in records] == faults
