"""Replaces the client library's decoding of record batches by that of `consumers.records`.

Installed by `consumers.kafka.source`. A record that cannot be read, or is too large, becomes one with a `fault`; a
wrong checksum or a codec that does not exist raises, since a retry or another version may succeed. A poll returns at
most `POLL_BYTES` of unpacked records, so that memory is bounded and no partition waits long for another.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record.legacy_records import LegacyRecordBase
from kafka.structs import TopicPartition

from consumers.kafka.decompression import reader_of
from consumers.record_stream import DEFAULT_LIMITS, KEPT_BYTES, Limits, Read, stream_records
from consumers.records import BatchFrame, Record, unreadable

POLL_BYTES = 16 << 20
_CODEC_MASK = 0x07


class PollBudget:
    """The unpacked bytes that the present poll has read, of all partitions together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.unpacked = 0

    @property
    def is_spent(self) -> bool:
        """Returns whether the poll returns what it has."""
        return self.unpacked >= POLL_BYTES

    def count(self, read: Read) -> Read:
        """Returns `read`, whose bytes are counted."""

        def counted(size: int) -> bytes:
            part = read(size)
            self.unpacked += len(part)
            return part

        return counted


def install(fetcher: Any, limits: Limits) -> PollBudget:
    """Make a client's fetcher decode here. Returns the budget, which is to be reset before each poll."""
    budget = PollBudget(limits)
    append = fetcher._append

    def append_within_budget(drained: Any, part: Any, max_records: int, update_offsets: bool) -> int:
        taken: int = append(drained, part, max_records, update_offsets)
        # The library goes on until it has `max_records`.
        return max_records if budget.is_spent else taken

    class BudgetedUnpacking(Unpacking):
        poll_budget = budget

    fetcher._append = append_within_budget
    fetcher.PartitionRecords = BudgetedUnpacking
    return budget


class Unpacking(Fetcher.PartitionRecords):  # type: ignore[misc]
    """One fetched partition; takes the place of the library's class of the same interface."""

    poll_budget = PollBudget(DEFAULT_LIMITS)

    def take(self, n: int | None = None) -> list[Record]:
        """Returns the next records: at most `n`, and no more once the budget is spent, but at least one."""
        self._maybe_raise_next_inline_exception()
        records: list[Record] = []
        try:
            for record in islice(self.record_iterator, 0, n):
                records.append(record)
                if self.poll_budget.is_spent:
                    break
        except Exception as error:
            if not records:
                raise
            self._next_inline_exception = error  # raised by the next call
        return records

    def _unpack_records(self, tp: TopicPartition, records: Any, *_deserializers: Any) -> Iterator[Record]:
        while (batch := records.next_batch()) is not None:
            if not batch.validate_crc():
                raise CorruptRecordError(f"{tp} at offset {batch.base_offset}: checksum differs")
            self.bytes_read += batch.size_in_bytes if batch.magic == 2 else 1
            for record in self._records(batch):
                self.next_fetch_offset = record.offset + 1
                yield record
            if batch.magic == 2:
                # Also past records that compaction or an aborted transaction removed.
                self.next_fetch_offset = batch.next_offset
        self.drain()

    def _records(self, batch: Any) -> Iterator[Record]:
        if batch.magic < 2:
            return self._legacy_records(batch)
        self.leader_epoch = batch.leader_epoch
        if self._is_hidden(batch):
            return iter(())
        appended = batch.max_timestamp if batch.timestamp_type else None
        frame = BatchFrame(batch.base_offset, batch.last_offset, batch.records_count, batch.first_timestamp, appended)
        packed = bytes(batch._buffer[batch._pos :])
        return self._current_records(frame, batch.compression_type, packed)

    def _current_records(self, frame: BatchFrame, codec: int, packed: bytes) -> Iterator[Record]:
        try:
            read = self.poll_budget.count(reader_of(codec, packed))
            yield from stream_records(frame, read, self.poll_budget.limits)
        except UnsupportedCodecError:
            raise
        except Exception as broken:  # each codec has errors of its own
            yield unreadable(frame, packed[:KEPT_BYTES], f"cannot be decompressed: {type(broken).__name__}")

    def _legacy_records(self, batch: Any) -> Iterator[Record]:
        """The records of a batch from before Kafka 0.11, which the library unpacks whole: only a small one."""
        offset, limit = batch.base_offset, self.poll_budget.limits.record_bytes
        if codec := batch.compression_type:
            is_first = batch.magic == 1
            _, packed = batch._read_key_value(
                LegacyRecordBase.KEY_OFFSET_V1 if is_first else LegacyRecordBase.KEY_OFFSET_V0
            )
            frame = BatchFrame(offset, offset, 1, batch._timestamp or -1, None)
            try:
                read = self.poll_budget.count(reader_of(codec & _CODEC_MASK, packed or b""))
                size = 0
                while size <= limit and (part := read(limit)):
                    size += len(part)
            except Exception as broken:
                yield unreadable(
                    frame, (packed or b"")[:KEPT_BYTES], f"cannot be decompressed: {type(broken).__name__}"
                )
                return
            if size > limit:
                fault = f"a batch of an old format unpacks to more than {limit:,} bytes; send it in the current format"
                yield unreadable(frame, (packed or b"")[:KEPT_BYTES], fault)
                return
        for each in batch:
            yield Record(each.offset, each.timestamp, each.key, each.value, [])

    def _is_hidden(self, batch: Any) -> bool:
        if batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)
