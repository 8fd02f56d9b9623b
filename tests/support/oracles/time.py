"""What moving conditions mean, naively: from SEMANTICS alone, with datetimes and loops.

Shares no code with Rollcall. A day is counted through, a month is tried month by month.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@cache
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant whose local date is `day` or later, found by bisection over UTC minutes and then seconds."""
    low = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    high = low + timedelta(hours=60)
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).date() >= day:
            high = middle
        else:
            low = middle
    return high


def period_days(name: str, today: date) -> tuple[date, date]:
    word, _, unit = name.partition("_")
    if not unit:
        day = {"today": today, "yesterday": today - DAY, "tomorrow": today + DAY}[word]
        return day, day
    if unit == "week":
        monday = today
        while monday.weekday() != 0:
            monday -= DAY
        monday += {"this": 0, "last": -7, "next": 7}[word] * DAY
        return monday, monday + 6 * DAY
    if unit == "year":
        year = today.year + {"this": 0, "last": -1, "next": 1}[word]
        return date(year, 1, 1), date(year, 12, 31)
    first = today.replace(day=1)
    if word == "last":
        first = (first - DAY).replace(day=1)
    if word == "next":
        first = first.replace(day=monthrange(first.year, first.month)[1]) + DAY
    return first, first.replace(day=monthrange(first.year, first.month)[1])


@cache
def returns_between(born: date, first: date, last: date) -> bool:
    day = first
    while day <= last:
        if day.year >= born.year:
            try:
                back = born.replace(year=day.year)
            except ValueError:
                back = date(day.year, 2, 28)
            if back == day:
                return True
        day += DAY
    return False


def moving_is_true(kind: str, operator: str, operand: Any, value: Any, now: datetime, zone: ZoneInfo) -> bool:
    """`value`: a date or an aware datetime."""
    today = now.astimezone(zone).date()
    day = value.astimezone(zone).date() if kind == "datetime" else value
    if operator == "in_period":
        first, last = period_days(operand, today)
        return bool(first <= day <= last)
    if operator == "month_is":
        return day.month in operand
    if operator == "anniversary_in_period":
        return returns_between(day, *period_days(operand, today))
    if operator == "anniversary_in_last_days":
        return returns_between(day, today - operand * DAY, today)
    if operator == "anniversary_in_next_days":
        return returns_between(day, today, today + operand * DAY)
    if kind == "date":
        span = operand * DAY
        return bool(
            {
                "in_last_days": today - span <= day <= today,
                "in_next_days": today <= day <= today + span,
                "more_than_days_ago": day < today - span,
                "more_than_days_ahead": day > today + span,
            }[operator]
        )
    span = timedelta(hours=operand) if operator.endswith("hours") else operand * DAY
    return bool(
        {
            "in_last_hours": now - span < value <= now,
            "in_last_days": now - span < value <= now,
            "in_next_hours": now < value <= now + span,
            "in_next_days": now < value <= now + span,
            "more_than_days_ago": value <= now - span,
            "more_than_days_ahead": value > now + span,
        }[operator]
    )
