"""The clock that an installation in a test goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    """Stands still at the instant `at` until the test moves it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def passes(self, **time: float) -> None:
        """Move it forward by a span in the words of `timedelta`."""
        self.at += timedelta(**time)


def machine_now() -> datetime:
    """What the machine's clock says."""
    return datetime.now(UTC)
