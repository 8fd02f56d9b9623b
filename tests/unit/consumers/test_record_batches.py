"""Messages as record batches: what the client library and our own decoder read is what was written."""

from __future__ import annotations

import random

import pytest
from kafka.partitioner.default import murmur2
from kafka.record import MemoryRecords

from consumers.kafka.producer import Message
from consumers.kafka.record_batches import Sender, by_partition, encode, partition_of, parts
from consumers.records import BatchFrame, records_of


def message(number: int, key: bytes | None = b"k", value: bytes | None = b"{}") -> Message:
    return Message("t", key, value, [("ce_id", str(number).encode()), ("ce_time", b"")])


def test_a_key_has_the_partition_that_other_clients_choose() -> None:
    chance = random.Random(5)
    for length in [*range(20), 36]:
        key = chance.randbytes(length)
        assert partition_of(key, 12) == (murmur2(key) & 0x7FFFFFFF) % 12


def test_the_messages_of_a_key_stay_together_and_in_order() -> None:
    messages = [message(number, str(number % 7).encode()) for number in range(100)]
    found = by_partition(messages, 5)
    assert sorted(each for part in found.values() for each in part) == sorted(messages)
    for part in found.values():
        assert part == [each for each in messages if each in part]


def test_a_batch_is_read_as_it_was_written() -> None:
    messages = [message(1), message(2, None, b"x" * 300), message(3, b"", None)]
    batch = MemoryRecords(encode(messages, Sender(77, 2), 2**31 - 1)).next_batch()
    assert batch.validate_crc()
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (77, 2, 2**31 - 1)
    frame = BatchFrame(10, 12, batch.records_count, batch.first_timestamp, None)
    read = list(records_of(frame, bytes(batch._buffer[batch._pos :])))
    assert [(each.key, each.value, each.headers) for each in read] == [each[1:] for each in messages]
    assert [each.offset for each in read] == [10, 11, 12]


@pytest.mark.parametrize("most_bytes", [1, 50, 10_000])
def test_parts_hold_all_messages_in_order_and_never_none(most_bytes: int) -> None:
    messages = [message(number, value=b"x" * (number * 7 % 40)) for number in range(30)]
    found = list(parts(messages, most_bytes))
    assert [each for part in found for each in part] == messages
    for part in found:
        size = sum(len(each.value or b"") for each in part)
        assert part
        assert len(part) == 1 or size <= most_bytes
    assert len(found) == {1: 30, 10_000: 1}.get(most_bytes, len(found))
