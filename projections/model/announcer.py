"""What the projection worker itself puts into the log, so that a replay needs neither a clock nor any luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


class Announcer(Protocol):
    """What the worker itself writes into the log: `domain.commands.worker_events.WorkerEvents`."""

    def record_recomputed(self, account_id: UUID, segment_id: UUID, version_no: int) -> None:
        """A version is complete."""

    def record_refreshed(self, account_id: UUID, segment_id: UUID, because_of: int) -> None:
        """A segment follows the newer filter of one that it names."""

    def record_audience_counted(
        self, account_id: UUID, audience_id: UUID, counts: Mapping[str, Any], passed_over: Sequence[int]
    ) -> None:
        """A frozen audience is complete."""

    def record_time_passed(self, account_id: UUID, until: datetime) -> None:
        """Time went on, and something fell due."""

    def now(self) -> datetime:
        """The present instant."""
