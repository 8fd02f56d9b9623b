"""Days and instants of an account: its time zone turns one into the other.

Called by operators that speak of a day and mean instants. Pure: `now` is always an argument.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import Invalid


def zone_of(name: str) -> ZoneInfo:
    """The IANA time zone called `name`. Raises `Invalid` (`unknown_timezone`)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid.at(
            "/timezone", "unknown_timezone", f"{name!r} is not an IANA time zone such as Europe/Lisbon"
        ) from None


def day_starts(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which the zone's calendar shows `day` or a later one.

    Where a clock change skips midnight, the day starts when the clock jumps; a day that was skipped
    whole starts when the next one does, and so holds no instant.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_after(day: date) -> date:
    """The next day of the calendar. Raises `OverflowError` after the last day of the year 9999."""
    return day + timedelta(days=1)
