"""The application: one method for each intention. Both doors, the worker and the command line call it.

Every method that writes stores its events in one transaction and returns the log position after it. The
commands stand in a module for each noun; what they build on is `domain.commands.log`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from eventsourcing.persistence import IntegrityError

from domain.commands.accounts import AccountCommands, NewKey
from domain.commands.campaigns import CampaignCommands
from domain.commands.customers import Changed
from domain.commands.imports import ImportCommands
from domain.commands.log import Log, Saved, Tracking, Writes
from domain.moments import micros
from domain.stored_events import SegmentRecomputed, SegmentRefreshed, TimePassed

__all__ = ["Changed", "Log", "NewKey", "Rollcall", "Saved", "Tracking", "Writes"]


class Rollcall(AccountCommands, ImportCommands, CampaignCommands):
    """All that can be asked of Rollcall, over one log; and what the projection worker puts into it."""

    def record_recomputed(self, account_id: UUID, segment_id: UUID, version_no: int) -> None:
        """Put into the log that a version is complete; a second time it is there already. For the worker."""
        event = SegmentRecomputed(
            **self._next(account_id, uuid5(segment_id, "recomputed"), version_no - 1),
            segment_id=segment_id, version_no=version_no,
        )  # fmt: skip
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return

    def record_refreshed(self, account_id: UUID, segment_id: UUID, because_of: int) -> None:
        """Put into the log that a segment follows the filter set at position `because_of`. For the worker."""
        stream = uuid5(segment_id, "refreshed")
        event = SegmentRefreshed(**self._next(account_id, stream, because_of - 1), segment_id=segment_id)
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return

    def record_time_passed(self, account_id: UUID, until: datetime) -> None:
        """Put into the log that time went on to `until` for an account. For the worker."""
        version = micros(until)
        stream = uuid5(account_id, "time")
        event = TimePassed(**self._next(account_id, stream, version - 1), until=until)
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return
