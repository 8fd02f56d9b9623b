"""The table of operators: for each attribute type its operators, what value each takes, and where it is true.

Validation, the Python predicate, SQL and the flip index all start from here: an operator reads its
operand into a region (domain.filters.regions), and a negative operator is exactly NOT its positive one.
To add one: a row here; if no shape of region fits, a `Matching` kind with its SQL in
projections.model.filter_sql; its cases in tests/support/operator_cases.json.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from domain.calendar import PERIODS, RETURN_PERIODS
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
from domain.values import AttributeType, BadValue, matchable, normalise

Takes = Literal[
    "nothing", "one", "several", "pair", "fragment", "texts", "day",
    "count", "positive_count", "year_days", "period", "return_period", "months",
]  # fmt: skip
Reads = Literal["", "@day", "@age"]
MAX_VALUES = 1_000
MAX_COUNT = 1_000_000
DAY = 24 * 3_600 * 1_000_000
HOUR = 3_600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: `region` makes the set of true values from the checked operand; `negated` turns it round.

    `reads` says which facet of a datetime it looks at: the instant itself, its day in the account's zone, or
    its age.
    """

    name: str
    takes: Takes
    region: Callable[[Any], Region | Moving]
    negated: bool = False
    reads: Reads = ""


def operators_of(kind: AttributeType) -> list[str]:
    """The names of the operators that an attribute of this type allows, in the table's order."""
    return list(OPERATORS[kind])


def operand_of(operator: Operator, kind: AttributeType, raw: Any) -> Any | BadValue:
    """The value of a condition in normal form, or what is wrong with it."""
    match operator.takes:
        case "nothing":
            return None if raw is None else BadValue("invalid_value", f"{operator.name} takes no value; leave it out")
        case "one":
            return _one(kind, raw)
        case "several":
            return _several(kind, raw)
        case "pair":
            return _pair(kind, raw)
        case "fragment":
            return _one("text", raw)
        case "texts":
            return _several("text", raw)
        case "day":
            return _one("date", raw)
        case "count" | "positive_count" | "year_days":
            least, most = (
                1 if operator.takes == "positive_count" else 0,
                365 if operator.takes == "year_days" else MAX_COUNT,
            )
            return _count(raw, least, most)
        case "period" | "return_period":
            names = PERIODS if operator.takes == "period" else RETURN_PERIODS
            return raw if raw in names else BadValue("invalid_value", f"needs one of {', '.join(names)}")
        case "months":
            return _months(raw)


def _count(raw: Any, least: int, most: int) -> int | BadValue:
    if isinstance(raw, Decimal) and raw.is_finite() and raw == raw.to_integral_value():
        raw = int(raw) if raw.adjusted() < len(str(MAX_COUNT)) else None
    if type(raw) is not int or not least <= raw <= most:
        return BadValue("invalid_value", f"needs a whole number from {least} to {most:,}")
    return int(raw)


def _months(raw: Any) -> tuple[str, ...] | BadValue:
    if not isinstance(raw, list) or not 1 <= len(raw) <= 12:
        return BadValue("invalid_value", "needs an array of 1 to 12 months, 1 for January")
    months = [_count(each, 1, 12) for each in raw]
    bad = next((each for each in months if isinstance(each, BadValue)), None)
    return bad or tuple(sorted({f"{each:02}" for each in months}))


def _one(kind: AttributeType, raw: Any) -> Any | BadValue:
    value = normalise(kind, raw)
    if value is None:
        return BadValue("invalid_value", f"needs a {kind} value that is not empty")
    if isinstance(value, BadValue):
        return BadValue("invalid_value", value.detail)
    return matchable(value) if kind in ("text", "list") else value


def _several(kind: AttributeType, raw: Any) -> Any | BadValue:
    if not isinstance(raw, list):
        return BadValue("invalid_value", f"needs an array of 1 to {MAX_VALUES:,} values")
    if not 1 <= len(raw) <= MAX_VALUES:
        return BadValue("invalid_value", f"{len(raw):,} values; needs 1 to {MAX_VALUES:,}")
    values = [_one(kind, each) for each in raw]
    return next((value for value in values if isinstance(value, BadValue)), tuple(dict.fromkeys(values)))


def _pair(kind: AttributeType, raw: Any) -> Any | BadValue:
    if not isinstance(raw, list) or len(raw) != 2:
        return BadValue("invalid_value", "needs an array of two values, the lower one first")
    low, high = _one(kind, raw[0]), _one(kind, raw[1])
    for value in (low, high):
        if isinstance(value, BadValue):
            return value
    if low > high:
        return BadValue("invalid_value", "the first value is greater than the second; swap them")
    return low, high


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
    name: str, negation: str, takes: Takes, region: Callable[[Any], Region | Moving], reads: Reads = ""
) -> list[Operator]:
    return [Operator(name, takes, region, reads=reads), Operator(negation, takes, region, negated=True, reads=reads)]


def _calendar(reads: Reads) -> list[Operator]:
    """What is asked of a day, of a date or of a datetime's day alike."""
    return [
        Operator("in_period", "period", _period("period"), reads=reads),
        Operator("month_is", "months", _matching("month"), reads=reads),
        Operator("anniversary_in_period", "return_period", _period("return_in"), reads=reads),
        Operator("anniversary_in_last_days", "year_days", _return_days(1, 0), reads=reads),
        Operator("anniversary_in_next_days", "year_days", _return_days(0, 1), reads=reads),
    ]


_EQUALS = _with_negation("equals", "not_equals", "one", _point)
_IN = _with_negation("in", "not_in", "several", _points)
_BETWEEN = _with_negation("between", "not_between", "pair", _between)
_SET = _with_negation("is_set", "is_not_set", "nothing", _anything)

_TABLE: dict[AttributeType, list[Operator]] = {
    "text": [
        *_EQUALS,
        *_IN,
        *_with_negation("contains", "not_contains", "fragment", _matching("contains")),
        Operator("starts_with", "fragment", _matching("starts_with")),
        Operator("ends_with", "fragment", _matching("ends_with")),
        *_SET,
    ],
    "number": [
        *_EQUALS,
        Operator("less_than", "one", _below),
        Operator("at_most", "one", _up_to),
        Operator("greater_than", "one", _above),
        Operator("at_least", "one", _from),
        *_BETWEEN,
        *_IN,
        *_SET,
    ],
    "boolean": [*_EQUALS, *_SET],
    "list": [
        *_with_negation("includes_any", "includes_none", "texts", _matching("includes_any")),
        *_with_negation("includes_all", "not_includes_all", "texts", _matching("includes_all")),
        *_SET,
    ],
    "date": [
        *_EQUALS,
        Operator("before", "one", _below),
        Operator("on_or_before", "one", _up_to),
        Operator("after", "one", _above),
        Operator("on_or_after", "one", _from),
        *_BETWEEN,
        Operator("in_last_days", "count", _days("last_days")),
        Operator("in_next_days", "count", _days("next_days")),
        Operator("more_than_days_ago", "count", _days("days_ago")),
        Operator("more_than_days_ahead", "count", _days("days_ahead")),
        *_calendar(""),
        *_SET,
    ],
    "datetime": [
        Operator("before", "one", _below),
        Operator("after", "one", _above),
        *_BETWEEN,
        *_with_negation("on", "not_on", "day", _point, "@day"),
        Operator("in_last_hours", "positive_count", _age(0, 1, HOUR), reads="@age"),
        Operator("in_last_days", "positive_count", _age(0, 1, DAY), reads="@age"),
        Operator("in_next_hours", "positive_count", _age(-1, 0, HOUR), reads="@age"),
        Operator("in_next_days", "positive_count", _age(-1, 0, DAY), reads="@age"),
        Operator("more_than_days_ago", "count", _age(1, None, DAY), reads="@age"),
        Operator("more_than_days_ahead", "count", _age(None, -1, DAY), reads="@age"),
        *_calendar("@day"),
        *_SET,
    ],
}

OPERATORS: dict[AttributeType, dict[str, Operator]] = {
    kind: {operator.name: operator for operator in rows} for kind, rows in _TABLE.items()
}
