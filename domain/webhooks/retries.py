"""When a message that was not accepted is sent again, and when a webhook is paused instead.

The wait doubles from `FIRST` to `LONGEST`; of each, a random half is left out, so that the messages of many webhooks to
one receiver that was away do not come back at one instant. Used by `consumers.webhooks`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST, LONGEST = timedelta(seconds=2), timedelta(hours=1)


def wait_after(attempts: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """Returns how long to wait after so many failed attempts; `chance` is random, from 0 to 1.

    Where a receiver `asked` for a time (`Retry-After`), at least that, up to `LONGEST`.
    """
    span = min(LONGEST, FIRST * (1 << min(attempts - 1, 20)))
    return max(span * (0.5 + chance / 2), min(asked or timedelta(0), LONGEST))


def is_long_failure(failing_since: datetime, now: datetime, patience: timedelta) -> bool:
    """Returns whether a webhook has failed so long that it is paused."""
    return now - failing_since >= patience
