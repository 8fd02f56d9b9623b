"""Messages as record batches, one for each partition: what a producer sends, without a future for each message.

Called by `consumers.kafka.batch_producer`. Pure: no client, no network.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kafka.record.memory_records import MemoryRecordsBuilder

from consumers.kafka.producer import Message

_M = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


class Sender(NamedTuple):
    """Who sends a batch, as the broker knows it: it drops a batch that the same sender has sent before."""

    producer_id: int
    epoch: int


def by_partition(messages: Sequence[Message], partitions: int) -> dict[int, list[Message]]:
    """Returns the messages of each partition in order; a key always has the same partition, as in every client."""
    found: defaultdict[int, list[Message]] = defaultdict(list)
    for message in messages:
        found[partition_of(message.key or b"", partitions)].append(message)
    return found


def partition_of(key: bytes, partitions: int) -> int:
    """Returns the partition of a key by murmur2, as Kafka's own clients choose it."""
    whole = len(key) & ~3
    found = 0x9747B28C ^ len(key)
    for word in struct.unpack_from(f"<{whole // 4}I", key):
        mixed = word * _M & _32_BITS
        found = (found * _M & _32_BITS) ^ ((mixed ^ mixed >> 24) * _M & _32_BITS)
    if rest := key[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * _M & _32_BITS
    found = (found ^ found >> 13) * _M & _32_BITS
    return ((found ^ found >> 15) & 0x7FFFFFFF) % partitions


def parts(messages: Sequence[Message], most_bytes: int) -> Iterator[list[Message]]:
    """Yields the messages in parts of about `most_bytes`, each of at least one message."""
    part: list[Message] = []
    size = 0
    for message in messages:
        own = len(message.key or b"") + len(message.value or b"")
        own += sum(len(name) + len(content) for name, content in message.headers)
        if part and size + own > most_bytes:
            yield part
            part, size = [], 0
        part.append(message)
        size += own
    if part:
        yield part


def encode(messages: Sequence[Message], sender: Sender, sequence: int) -> bytes:
    """Returns the messages as one batch of now; `sequence` is how many this sender sent to the partition before."""
    builder = MemoryRecordsBuilder(
        magic=2,
        compression_type=0,
        batch_size=1 << 31,
        producer_id=sender.producer_id,
        producer_epoch=sender.epoch,
        base_sequence=sequence,
    )
    for message in messages:
        builder.append(None, message.key, message.value, message.headers)
    builder.close()
    return bytes(builder.buffer())
