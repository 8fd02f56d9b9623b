"""The only reader of the machine's clock, in real time or shifted for a rehearsal.

Made once per process by `deploy.settings` and handed down. Every process of one `rollcall up` has the same shift, so
they agree on what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property


@dataclass(frozen=True)
class Clock:
    """The machine's time, shifted by a fixed offset."""

    offset: timedelta = timedelta(0)

    @classmethod
    def starting_at(cls, instant: datetime) -> Clock:
        """Returns the clock on which it is `instant` now."""
        return cls(instant - datetime.now(UTC))

    def now(self) -> datetime:
        """Returns the present instant, in UTC."""
        return datetime.now(UTC) + self.offset

    def from_machine(self, milliseconds: int) -> int:
        """Returns what this clock showed when the machine's showed `milliseconds` since 1970, in the same unit."""
        return milliseconds + self._ahead

    @cached_property
    def _ahead(self) -> int:
        return self.offset // timedelta(milliseconds=1)
