"""Instants in whole microseconds since 1970, the resolution of datetime values, and the day of an account at one.

`Arrival` is the instant, and the door, from which the freshness of a change is counted.

Conditions that move with time are evaluated at a `Moment`; whole microseconds give each flip one exact instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.calendar import day_after, day_starts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(count: int) -> datetime:
    """The aware datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=count)


def micros_text(count: int) -> str:
    """The fixed-width UTC text of an instant, that of the first or last one where it lies beyond the calendar."""
    return from_micros(min(max(count, _FIRST), _LAST)).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def micros_of_text(text: str) -> int:
    """Microseconds since 1970 of a datetime value in normal form."""
    return micros(datetime.fromisoformat(text))


Door = Literal["kafka", "http", "csv", "console"]
DOORS: dict[str, Door] = {"k": "kafka", "h": "http", "i": "csv", "c": "console"}
_LETTERS = {door: letter for letter, door in DOORS.items()}


class Arrival(NamedTuple):
    """By which door a change came in, and when it was published or received, in milliseconds since 1970."""

    door: Door
    at: int

    def before(self, recorded: int) -> str:
        """The short form that an event keeps: a letter for the door, and how many milliseconds before `recorded`."""
        return f"{_LETTERS[self.door]}{max(0, recorded - self.at)}"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant and the account's day; `days` are needed where windows of facts end when a day begins."""

    micros: int
    today: date
    days: Days | None = field(default=None, compare=False, repr=False)


class Days:
    """The days of one account's time zone; remembers the last one, because most look-ups are of the same day."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._day = date.min
        self._starts = self._ends = 0

    def moment(self, count: int) -> Moment:
        """The moment of an instant."""
        return Moment(count, self.day_of(count), self)

    def day_of(self, count: int) -> date:
        """The day that the calendar shows at an instant."""
        if not self._starts <= count < self._ends:
            self._day = from_micros(count).astimezone(self.zone).date()
            self._starts, self._ends = self.starts(self._day), self.starts(day_after(self._day))
        return self._day

    def starts(self, day: date) -> int:
        """The first instant of a day."""
        return micros(day_starts(day, self.zone))

    def begun(self, after: int, until: int) -> list[date]:
        """The days that began after one instant and not later than another, in order."""
        days = []
        day = self.day_of(after)
        last = self.day_of(until)
        while day < last:
            day = day_after(day)
            days.append(day)
        return days

    def day_text(self, text: str) -> str:
        """The day of a datetime value in normal form, as a date value; the nearest one of the calendar."""
        instant = datetime.fromisoformat(text)
        try:
            return instant.astimezone(self.zone).date().isoformat()
        except OverflowError:
            return instant.date().isoformat()
