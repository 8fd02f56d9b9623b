"""The events that the projection worker itself appends, so that a replay needs neither a clock nor the same batches.

Each is the only one at its version of a stream of its own: appended a second time, it is there already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from domain.commands.log import Log
from domain.instants import micros
from domain.stored_events import AudienceCounted, MeasureFilled, SegmentRecomputed, SegmentRefreshed, TimePassed


class WorkerEvents:
    """What only the projection worker may append."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def now(self) -> datetime:
        """The present instant."""
        return self._log.now()

    def record_recomputed(self, account_id: UUID, segment_id: UUID, version_no: int) -> None:
        """Append that a filter version is complete."""
        envelope = self._log.envelope(account_id, uuid5(segment_id, "recomputed"), version_no - 1)
        self._log.append_once(account_id, SegmentRecomputed(**envelope, segment_id=segment_id, version_no=version_no))

    def record_refreshed(self, account_id: UUID, segment_id: UUID, because_of: int) -> None:
        """Append that a segment is evaluated again, because one that it names got a filter at position `because_of`."""
        envelope = self._log.envelope(account_id, uuid5(segment_id, "refreshed"), because_of - 1)
        self._log.append_once(account_id, SegmentRefreshed(**envelope, segment_id=segment_id))

    def record_measure_filled(self, account_id: UUID, measure: str, since: int) -> None:
        """Append that a measure, asked for since a position, is known for every customer."""
        envelope = self._log.envelope(account_id, uuid5(account_id, measure), since - 1)
        self._log.append_once(account_id, MeasureFilled(**envelope, measure=measure))

    def record_audience_counted(
        self, account_id: UUID, audience_id: UUID, counts: Mapping[str, Any], passed_over: Sequence[int]
    ) -> None:
        """Append the counts of a frozen audience, once it is copied."""
        envelope = self._log.envelope(account_id, audience_id, 1)
        self._log.append_once(account_id, AudienceCounted(**envelope, **counts, passed_over=list(passed_over)))

    def record_time_passed(self, account_id: UUID, until: datetime) -> None:
        """Append that time in an account reached `until`."""
        envelope = self._log.envelope(account_id, uuid5(account_id, "time"), micros(until) - 1)
        self._log.append_once(account_id, TimePassed(**envelope, until=until))
