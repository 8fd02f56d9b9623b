"""Replaces the client library's decoding of record batches by that of `consumers.records`.

Installed by `consumers.kafka.source`. A record that cannot be read becomes one with a `fault`; a wrong
checksum or a codec that is not installed raises, since a retry may succeed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.structs import TopicPartition

from consumers.records import BatchFrame, Record, records_of, unreadable


class Unpacking(Fetcher.PartitionRecords):  # type: ignore[misc]
    """One fetched partition; takes the place of the library's class of the same interface."""

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
            return (Record(each.offset, each.timestamp, each.key, each.value, []) for each in batch)
        self.leader_epoch = batch.leader_epoch
        if self._is_hidden(batch):
            return iter(())
        appended = batch.max_timestamp if batch.timestamp_type else None
        frame = BatchFrame(batch.base_offset, batch.last_offset, batch.records_count, batch.first_timestamp, appended)
        compressed = bytes(batch._buffer[batch._pos :])
        try:
            batch._maybe_uncompress()
        except UnsupportedCodecError:
            raise
        except Exception as broken:  # each codec has errors of its own
            return iter([unreadable(frame, compressed, f"cannot be decompressed: {type(broken).__name__}")])
        return records_of(frame, bytes(batch._buffer[batch._pos :]))

    def _is_hidden(self, batch: Any) -> bool:
        if batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)
