"""Windows of time: which facts of a customer count at an instant (SEMANTICS, "Behaviour").

A fact counts in a window during one stretch of time: it begins when the window's later end reaches it and ends when the
earlier end passes it, or when the account no longer keeps it. Instants are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from domain.calendar import PERIODS, Period, add_days, period
from domain.errors import FieldError
from domain.filters.operators import DAY, HOUR
from domain.instants import Days, micros_of_text
from domain.texts.language import said
from domain.values import BadValue, normalise

FOREVER = 2**62
MAX_HOURS, MAX_DAYS = 8_784, 3_660
_SHAPES = "needs one of last_hours, last_days, in_period, between, since; leave the window out for all facts"


class Counted(NamedTuple):
    """The facts that count at an instant: later than `after`, and not later than `until`.

    `changes` is when the next of these leave, or others enter, all at one time; `None` where each has its own instant.
    """

    after: int
    until: int
    changes: int | None = None


class Times(NamedTuple):
    """Times of facts, later than `after` and up to `until`."""

    after: int
    until: int


@dataclass(frozen=True, slots=True)
class Ever:
    """All facts, where the account keeps them without end."""

    @property
    def longest(self) -> int:
        """How old a fact that counts can become, in microseconds."""
        return FOREVER

    def edges(self, now: int, days: Days) -> Times:
        """The facts of the window at an instant, however old or far ahead of it they are."""
        return Times(-FOREVER, FOREVER)

    def counted(self, now: int, days: Days) -> Counted:
        """The facts that count at an instant."""
        return Counted(-FOREVER, now)

    def next_change(self, time: int, now: int, days: Days) -> int | None:
        """The next instant after `now` at which a fact of `time` enters or leaves."""
        return time if time > now else None


@dataclass(frozen=True, slots=True)
class Last:
    """The last so many microseconds: `now - length < time <= now`."""

    length: int

    @property
    def longest(self) -> int:
        """How old a fact that counts can become, in microseconds."""
        return self.length

    def edges(self, now: int, days: Days) -> Times:
        """The facts of the window at an instant, however old or far ahead of it they are."""
        return Times(-FOREVER, FOREVER)

    def counted(self, now: int, days: Days) -> Counted:
        """The facts that count at an instant."""
        return Counted(now - self.length, now)

    def next_change(self, time: int, now: int, days: Days) -> int | None:
        """The next instant after `now` at which a fact of `time` enters or leaves."""
        if time > now:
            return time
        return time + self.length if time + self.length > now else None


@dataclass(frozen=True, slots=True)
class Between:
    """From one instant to another, both included; without the second, from the first on. Facts are `kept` so long."""

    first: int
    last: int = FOREVER
    kept: int = field(default=FOREVER, repr=False)

    @property
    def longest(self) -> int:
        """How old a fact that counts can become, in microseconds."""
        return self.kept

    def edges(self, now: int, days: Days) -> Times:
        """The facts of the window at an instant, however old or far ahead of it they are."""
        return Times(self.first - 1, self.last)

    def counted(self, now: int, days: Days) -> Counted:
        """The facts that count at an instant."""
        return Counted(max(self.first - 1, now - self.kept), min(self.last, now))

    def next_change(self, time: int, now: int, days: Days) -> int | None:
        """The next instant after `now` at which a fact of `time` enters or leaves."""
        if time > now:
            return time
        if self.kept == FOREVER or not self.first <= time <= self.last:
            return None
        return time + self.kept if time + self.kept > now else None


@dataclass(frozen=True, slots=True)
class InPeriod:
    """A calendar period in the account's zone, which moves when a day begins. Facts are `kept` so long."""

    period: Period
    kept: int = field(default=FOREVER, repr=False)

    @property
    def longest(self) -> int:
        """How old a fact that counts can become, in microseconds."""
        return self.kept

    def counted(self, now: int, days: Days) -> Counted:
        """The facts that count at an instant."""
        times = self.edges(now, days)
        return Counted(max(times.after, now - self.kept), min(now, times.until), self._moves(now, days))

    def next_change(self, time: int, now: int, days: Days) -> int | None:
        """The next instant after `now` at which a fact of `time` enters or leaves, or may do so."""
        if time > now:
            return time
        counted = self.counted(now, days)
        if time <= counted.after or counted.changes is None:
            return None
        return min(counted.changes, time + self.kept)

    def passed(self, after: int, until: int, days: Days) -> Times | None:
        """The facts that leave or enter after an instant and up to another, at which a day may begin."""
        before, now = self.edges(after, days), self.edges(until, days)
        return None if before == now else Times(before.after, now.until)

    def edges(self, now: int, days: Days) -> Times:
        """The facts of the window at an instant, however old or far ahead of it they are."""
        first, last = period(self.period, days.day_of(now))
        return Times(_starts(first, days) - 1, _starts(add_days(last, 1), days) - 1)

    def _moves(self, now: int, days: Days) -> int:
        unit = self.period.partition("_")[2]
        today = days.day_of(now)
        last = today if not unit else period(f"this_{unit}", today)[1]  # type: ignore[arg-type]
        return _starts(add_days(last, 1), days)


Window = Ever | Last | Between | InPeriod


def _starts(day: date, days: Days) -> int:
    try:
        return days.starts(day)
    except OverflowError:  # the first day of the calendar begins before it in the east
        return -FOREVER


def read_window(raw: Any, pointer: str, kept: int = FOREVER) -> Window | FieldError:
    """The window of its JSON form, `None` for all facts; or what is wrong with it, and where.

    A fact that is older than `kept` counts in none.
    """
    if raw is None:
        return Ever() if kept == FOREVER else Last(kept)
    if not isinstance(raw, Mapping) or len(raw) != 1:
        return FieldError(pointer, "invalid_window", _SHAPES)
    ((kind, value),) = raw.items()
    at = f"{pointer}/{kind}"
    match kind:
        case "last_hours":
            return _last(value, HOUR, MAX_HOURS, at, kept)
        case "last_days":
            return _last(value, DAY, MAX_DAYS, at, kept)
        case "in_period":
            if value in PERIODS:
                return InPeriod(value, kept)
            return FieldError(at, "invalid_value", said("needs one of %(known)s", known=", ".join(PERIODS)))
        case "since":
            return _between([value], at, kept)
        case "between" if isinstance(value, list | tuple) and len(value) == 2:
            return _between(list(value), at, kept)
        case "between":
            return FieldError(at, "invalid_value", said("needs an array of two instants"))
    return FieldError(pointer, "invalid_window", _SHAPES)


def _last(value: Any, unit: int, most: int, pointer: str, kept: int) -> Last | FieldError:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        return FieldError(pointer, "invalid_value", said("needs a whole number from 1 to %(most)s", most=most))
    return Last(min(value * unit, kept))


def _between(values: list[Any], pointer: str, kept: int) -> Between | FieldError:
    instants = []
    for each in values:
        text = normalise("datetime", each)
        if not isinstance(text, str):
            detail = text.detail if isinstance(text, BadValue) else "needs an instant such as 2026-05-20T10:00:00Z"
            return FieldError(pointer, "invalid_value", detail)
        instants.append(micros_of_text(text))
    if instants != sorted(instants):
        return FieldError(pointer, "invalid_value", said("the first instant lies after the second"))
    first, *last = instants
    return Between(first, last[0] if last else FOREVER, kept)
