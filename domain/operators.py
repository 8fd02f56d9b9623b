"""The table of operators: for each attribute type its operators, what value each takes, and where it is true.

Validation, the Python predicate, SQL and the flip index all start from here: an operator reads its
operand into a region (domain.regions), and a negative operator is exactly NOT its positive one.
To add one: a row here; if no shape of region fits, a `Matching` kind with its SQL in
projections.filter_sql; its cases in tests/unit/operator_cases.json.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from domain.calendar import day_after, day_starts
from domain.regions import Anything, Matching, Points, Region, Span
from domain.values import AttributeType, BadValue, instant_text, matchable, normalise

Takes = Literal["nothing", "one", "several", "pair", "fragment", "texts", "day"]
MAX_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: `region` makes the set of true values from the checked operand; `negated` turns it round."""

    name: str
    takes: Takes
    region: Callable[[Any, ZoneInfo], Region]
    negated: bool = False


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


def _point(operand: Any, _: ZoneInfo) -> Region:
    return Points(frozenset([operand]))


def _points(operand: Any, _: ZoneInfo) -> Region:
    return Points(frozenset(operand))


def _below(operand: Any, _: ZoneInfo) -> Region:
    return Span(high=operand, high_included=False)


def _up_to(operand: Any, _: ZoneInfo) -> Region:
    return Span(high=operand)


def _above(operand: Any, _: ZoneInfo) -> Region:
    return Span(low=operand, low_included=False)


def _from(operand: Any, _: ZoneInfo) -> Region:
    return Span(low=operand)


def _between(operand: Any, _: ZoneInfo) -> Region:
    return Span(low=operand[0], high=operand[1])


def _on_day(operand: Any, zone: ZoneInfo) -> Region:
    """Where the calendar of the years 1 to 9999 ends, the day is open on that side."""
    day = date.fromisoformat(operand)
    starts = ends = None
    with suppress(OverflowError):
        starts = day_starts(day, zone)
    with suppress(OverflowError):
        # East of Greenwich the last day of 9999 is over before the calendar is; it has no day after to ask for.
        ends = day_starts(day_after(day), zone) if day < date.max else starts and starts + timedelta(days=1)
    low, high = (None if each is None else instant_text(each) for each in (starts, ends))
    return Span(low=low, high=high, high_included=False)


def _matching(kind: Any) -> Callable[[Any, ZoneInfo], Region]:
    def region(operand: Any, _: ZoneInfo) -> Region:
        return Matching(kind, (operand,) if isinstance(operand, str) else operand)

    return region


def _anything(_: Any, __: ZoneInfo) -> Region:
    return Anything()


def _with_negation(name: str, negation: str, takes: Takes, region: Callable[[Any, ZoneInfo], Region]) -> list[Operator]:
    return [Operator(name, takes, region), Operator(negation, takes, region, negated=True)]


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
        *_SET,
    ],
    "datetime": [
        Operator("before", "one", _below),
        Operator("after", "one", _above),
        *_BETWEEN,
        *_with_negation("on", "not_on", "day", _on_day),
        *_SET,
    ],
}

OPERATORS: dict[AttributeType, dict[str, Operator]] = {
    kind: {operator.name: operator for operator in rows} for kind, rows in _TABLE.items()
}
