"""Record batches from their bytes: as a client library writes them, and when they are damaged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from consumers.records import BatchFrame, Record, records_of

BASE = 1_000


def written(records: list[Record]) -> tuple[BatchFrame, bytes]:
    """The content of a batch as kafka-python's own writer makes it."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 10_000_000)
    for number, each in enumerate(records):
        assert builder.append(number, each.timestamp, each.key, each.value, each.headers)
    raw = bytes(builder.build())
    batch = DefaultRecordBatch(raw)
    frame = BatchFrame(BASE, BASE + len(records) - 1, len(records), batch.first_timestamp, None)
    return frame, raw[DefaultRecordBatch.HEADER_STRUCT.size :]


blobs = st.none() | st.binary(max_size=200)
some_records = st.lists(
    st.builds(
        Record,
        st.just(0),
        st.integers(0, 2**45),
        blobs,
        blobs,
        st.lists(
            st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80), blobs), max_size=4
        ),
        st.none(),
        st.just("unreadable_record"),
    ),
    min_size=1,
    max_size=5,
)


@given(some_records)
def test_records_written_by_kafka_python_are_read_back(records: list[Record]) -> None:
    frame, content = written(records)
    assert list(records_of(frame, content)) == [
        each._replace(offset=BASE + number) for number, each in enumerate(records)
    ]


@given(some_records, st.data())
def test_damage_results_in_one_record_with_a_fault_at_the_last_offset(
    records: list[Record], data: st.DataObject
) -> None:
    frame, content = written(records)
    cut = data.draw(st.integers(0, len(content) - 1))
    read = list(records_of(frame, content[:cut]))
    assert read[-1].fault
    assert read[-1].offset == frame.last_offset
    assert [each.offset for each in read[:-1]] == list(range(BASE, BASE + len(read) - 1))


@given(st.binary(max_size=200), st.integers(0, 5))
def test_noise_never_raises(noise: bytes, count: int) -> None:
    frame = BatchFrame(BASE, BASE + 4, count, 0, None)
    assert all(BASE <= each.offset <= BASE + 4 for each in records_of(frame, noise))


@pytest.mark.parametrize("surplus", [b"\x00", b"\xff" * 20])
def test_bytes_after_the_last_record_are_a_fault(surplus: bytes) -> None:
    frame, content = written([Record(0, 5, b"k", b"v", [])])
    read = list(records_of(frame, content + surplus))
    assert read[0] == Record(BASE, 5, b"k", b"v", [])
    assert read[1].fault
    assert read[1].value == surplus


def test_a_header_name_that_is_not_utf_8_is_escaped() -> None:
    frame, content = written([Record(0, 5, b"k", b"v", [("né", b"1")])])
    damaged = content.replace("né".encode(), b"n\xe9\x00")
    assert list(records_of(frame, damaged)) == [Record(BASE, 5, b"k", b"v", [("n\\xe9\\x00", b"1")])]


def test_append_time_replaces_the_producers_time() -> None:
    frame, content = written([Record(0, 5, b"k", b"v", [])])
    assert next(records_of(frame._replace(append_timestamp=77), content)).timestamp == 77


def test_a_timestamp_that_no_table_can_hold_is_a_fault() -> None:
    frame, content = written([Record(0, 5, b"k", b"v", [])])
    (read,) = records_of(frame._replace(first_timestamp=2**63 - 1), bytes([content[0], content[1], 2]) + content[3:])
    assert read.fault
