"""Days and instants of an account: its time zone turns one into the other.

Called by operators that are given a day and compare instants. Pure: `now` is always an argument.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import Invalid
from domain.texts.language import said

Period = Literal[
    "today",
    "yesterday",
    "tomorrow",
    "this_week",
    "last_week",
    "next_week",
    "this_month",
    "last_month",
    "next_month",
    "this_year",
    "last_year",
    "next_year",
]
PERIODS: tuple[Period, ...] = get_args(Period)
RETURN_PERIODS: tuple[Period, ...] = ("today", "tomorrow", "this_week", "this_month", "next_month")


def zone_of(name: str) -> ZoneInfo:
    """The IANA time zone called `name`. Raises `Invalid` (`unknown_timezone`)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid.at(
            "/timezone",
            "unknown_timezone",
            said("%(name)s is not an IANA time zone such as Europe/Lisbon", name=repr(name)),
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


def add_days(day: date, count: int) -> date:
    """The day `count` days later, or the calendar's last (first) one where that lies beyond it."""
    try:
        return day + timedelta(days=count)
    except OverflowError:
        return date.max if count > 0 else date.min


def period(name: Period, today: date) -> tuple[date, date]:
    """First and last day of a calendar period; weeks start on Monday."""
    word, _, unit = name.partition("_")
    step = {"this": 0, "last": -1, "next": 1}.get(word, 0)
    match unit:
        case "week":
            monday = add_days(today, step * 7 - today.weekday())
            return monday, add_days(monday, 6)
        case "month":
            months = min(max(today.year * 12 + today.month - 1 + step, 12), 9999 * 12 + 11)
            year, month = months // 12, months % 12 + 1
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        case "year":
            year = min(max(today.year + step, 1), 9999)
            return date(year, 1, 1), date(year, 12, 31)
    day = add_days(today, {"today": 0, "yesterday": -1, "tomorrow": 1}[word])
    return day, day


def returns(first: date, last: date) -> tuple[str, ...]:
    """The windows in which a date returns between two days: for each year its number, first and last month-day.

    A date returns in a window when its own year is not later and its month-day lies in it; 29 February
    returns on 28 February in common years (SEMANTICS, "Periods").
    """
    windows: list[str] = []
    for year in range(first.year, last.year + 1):
        low = first if year == first.year else date(year, 1, 1)
        high = last if year == last.year else date(year, 12, 31)
        ends = f"{high.month:02}-{high.day:02}"
        if ends == "02-28" and not isleap(year):
            ends = "02-29"
        windows += [f"{year:04}", f"{low.month:02}-{low.day:02}", ends]
    return tuple(windows)
