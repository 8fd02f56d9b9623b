"""The table of operators: for each attribute type its operators, what value each takes, and where it is true.

Validation, the Python predicate, SQL and the flip index all start from here: an operator reads its
operand into a region (domain.filters.regions), and a negative operator is exactly NOT its positive one.
To add one: a row here; if no shape of region fits, a `Matching` kind with its SQL in
projections.model.filter_sql; its cases in tests/support/operator_cases.json.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from domain.filters.operands import Takes
from domain.filters.regions import (
    Anything,
    Daily,
    DailyKind,
    Matching,
    MatchKind,
    Moving,
    Points,
    Region,
    Rolling,
    Span,
)
from domain.texts.language import said
from domain.values import AttributeType

Reads = Literal["", "@day", "@age"]
Family = Literal["value", "date", "yearly", "empty"]
DAY = 24 * 3_600 * 1_000_000
HOUR = 3_600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: `region` makes the set of values for which it is true from the checked operand.

    `phrase` is what it says in words, {} being its operand, and `choice` what it is called where people choose it, if
    that is not the phrase. `negated` makes it true of all other values. `reads` is the facet of a datetime that it
    looks at: the instant itself, its day in the account's zone, or its age.
    """

    name: str
    phrase: str
    takes: Takes
    region: Callable[[Any], Region | Moving]
    negated: bool = False
    reads: Reads = ""
    choice: str = ""

    @property
    def family(self) -> Family:
        """What it looks at: the value, the date seen from today, the day of the year, or whether there is a value."""
        if self.takes == "nothing":
            return "empty"
        if self.takes in ("months", "return_period", "year_days"):
            return "yearly"
        return "date" if self.takes in ("period", "count", "positive_count") else "value"

    @property
    def unit(self) -> str:
        """What its operand counts, "day" or "hour"; empty for one that does not count."""
        if self.takes not in ("count", "positive_count", "year_days"):
            return ""
        return "hour" if self.name.endswith("_hours") else "day"


def operators_of(kind: AttributeType) -> list[str]:
    """The names of the operators that an attribute of this type allows, in the table's order."""
    return list(OPERATORS[kind])


def _point(operand: Any) -> Region:
    return Points(frozenset([operand]))


def _points(operand: Any) -> Region:
    return Points(frozenset(operand))


def _below(operand: Any) -> Region:
    return Span(high=operand, high_included=False)


def _up_to(operand: Any) -> Region:
    return Span(high=operand)


def _above(operand: Any) -> Region:
    return Span(low=operand, low_included=False)


def _from(operand: Any) -> Region:
    return Span(low=operand)


def _between(operand: Any) -> Region:
    return Span(low=operand[0], high=operand[1])


def _matching(kind: MatchKind) -> Callable[[Any], Region]:
    return lambda operand: Matching(kind, (operand,) if isinstance(operand, str) else operand)


def _anything(_: Any) -> Region:
    return Anything()


def _days(kind: DailyKind) -> Callable[[Any], Moving]:
    return lambda operand: Daily(kind, days=operand)


def _period(kind: DailyKind) -> Callable[[Any], Moving]:
    return lambda operand: Daily(kind, period=operand)


def _return_days(back: int, ahead: int) -> Callable[[Any], Moving]:
    return lambda operand: Daily("return_days", days=operand * back, later_days=operand * ahead)


def _age(since: int | None, until: int | None, unit: int) -> Callable[[Any], Moving]:
    """An age from `since` to `until` times the operand; `None` leaves that side open."""

    def region(operand: Any) -> Moving:
        return Rolling(
            None if since is None else since * operand * unit, None if until is None else until * operand * unit
        )

    return region


def _with_negation(
    positive: tuple[str, str],
    negative: tuple[str, str],
    takes: Takes,
    region: Callable[[Any], Region | Moving],
    reads: Reads = "",
) -> list[Operator]:
    """An operator and its negation, each as its name and its phrase."""
    return [
        Operator(*positive, takes, region, reads=reads),
        Operator(*negative, takes, region, negated=True, reads=reads),
    ]


def _calendar(reads: Reads) -> list[Operator]:
    """What is asked of a day, of a date or of a datetime's day alike."""
    return [
        Operator(
            "in_period",
            "falls in {}",
            "period",
            _period("period"),
            reads=reads,
            choice=said("Falls in … (with the year)"),
        ),
        Operator(
            "month_is",
            "is in {}",
            "months",
            _matching("month"),
            reads=reads,
            choice=said("Is in the month … (of any year)"),
        ),
        Operator(
            "anniversary_in_period",
            "has its birthday or anniversary {}",
            "return_period",
            _period("return_in"),
            reads=reads,
            choice=said("Birthday / anniversary is in …"),
        ),
        Operator(
            "anniversary_in_last_days",
            "had its birthday or anniversary in the last {}",
            "year_days",
            _return_days(1, 0),
            reads=reads,
            choice=said("Birthday / anniversary was in the last … days"),
        ),
        Operator(
            "anniversary_in_next_days",
            "has its birthday or anniversary in the next {}",
            "year_days",
            _return_days(0, 1),
            reads=reads,
            choice=said("Birthday / anniversary is in the next … days"),
        ),
    ]


_EQUALS = _with_negation(("equals", "equals {}"), ("not_equals", "does not equal {}"), "one", _point)
_IN = _with_negation(("in", "is one of {}"), ("not_in", "is none of {}"), "several", _points)
_BETWEEN = _with_negation(("between", "is between {}"), ("not_between", "is not between {}"), "pair", _between)
_SET = _with_negation(("is_set", "has a value"), ("is_not_set", "has no value"), "nothing", _anything)

_TABLE: dict[AttributeType, list[Operator]] = {
    "text": [
        *_EQUALS,
        *_IN,
        *_with_negation(
            ("contains", "contains {}"), ("not_contains", "does not contain {}"), "fragment", _matching("contains")
        ),
        Operator("starts_with", "starts with {}", "fragment", _matching("starts_with")),
        Operator("ends_with", "ends with {}", "fragment", _matching("ends_with")),
        *_SET,
    ],
    "number": [
        *_EQUALS,
        Operator("less_than", "is less than {}", "one", _below),
        Operator("at_most", "is at most {}", "one", _up_to),
        Operator("greater_than", "is greater than {}", "one", _above),
        Operator("at_least", "is at least {}", "one", _from),
        *_BETWEEN,
        *_IN,
        *_SET,
    ],
    "boolean": [*_with_negation(("equals", "is {}"), ("not_equals", "is not {}"), "one", _point), *_SET],
    "list": [
        *_with_negation(
            ("includes_any", "includes any of {}"),
            ("includes_none", "includes none of {}"),
            "texts",
            _matching("includes_any"),
        ),
        *_with_negation(
            ("includes_all", "includes all of {}"),
            ("not_includes_all", "does not include all of {}"),
            "texts",
            _matching("includes_all"),
        ),
        *_SET,
    ],
    "date": [
        *_EQUALS,
        Operator("before", "is before {}", "one", _below),
        Operator("on_or_before", "is on or before {}", "one", _up_to),
        Operator("after", "is after {}", "one", _above),
        Operator("on_or_after", "is on or after {}", "one", _from),
        *_BETWEEN,
        Operator("in_last_days", "is in the last {}", "count", _days("last_days")),
        Operator("in_next_days", "is in the next {}", "count", _days("next_days")),
        Operator("more_than_days_ago", "is more than {} ago", "count", _days("days_ago")),
        Operator("more_than_days_ahead", "is more than {} ahead", "count", _days("days_ahead")),
        *_calendar(""),
        *_SET,
    ],
    "datetime": [
        Operator("before", "is before {}", "one", _below),
        Operator("after", "is after {}", "one", _above),
        *_BETWEEN,
        *_with_negation(("on", "is on {}"), ("not_on", "is not on {}"), "day", _point, "@day"),
        Operator("in_last_hours", "is in the last {}", "positive_count", _age(0, 1, HOUR), reads="@age"),
        Operator("in_last_days", "is in the last {}", "positive_count", _age(0, 1, DAY), reads="@age"),
        Operator("in_next_hours", "is in the next {}", "positive_count", _age(-1, 0, HOUR), reads="@age"),
        Operator("in_next_days", "is in the next {}", "positive_count", _age(-1, 0, DAY), reads="@age"),
        Operator("more_than_days_ago", "is more than {} ago", "count", _age(1, None, DAY), reads="@age"),
        Operator("more_than_days_ahead", "is more than {} ahead", "count", _age(None, -1, DAY), reads="@age"),
        *_calendar("@day"),
        *_SET,
    ],
}

OPERATORS: dict[AttributeType, dict[str, Operator]] = {
    kind: {operator.name: operator for operator in rows} for kind, rows in _TABLE.items()
}


def opposite(name: str, kind: AttributeType) -> str | None:
    """The operator that is true of exactly the other values; `None` where the table has none."""
    operator = OPERATORS[kind].get(name)
    if operator is None:
        return None
    others = (
        each for each in OPERATORS[kind].values() if each.region is operator.region and each.takes == operator.takes
    )
    return next((each.name for each in others if each.negated != operator.negated), None)


def operator_named(name: str, kind: AttributeType | None) -> Operator | None:
    """The operator of this name: that of `kind`, or of the first type that has one; `None` where no type has."""
    if kind is not None and name in OPERATORS[kind]:
        return OPERATORS[kind][name]
    return next((rows[name] for rows in OPERATORS.values() if name in rows), None)
