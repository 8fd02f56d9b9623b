"""Amounts: the value of a measure for one customer, kept up to date fact by fact and instant by instant. Pure.

Used by the projection worker. `added` takes one more fact in, `changes` lets time pass, `amount_at` looks at all facts
anew; all three agree, whatever the order in which facts arrive. Sums are exact decimals, so nothing drifts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from typing import Any, NamedTuple

from domain.filters.behaviour.measures import Fact, Measure
from domain.instants import Days, from_micros
from domain.values import Value, instant_text, matchable

# Enough for the sum of a million numbers of 38 digits before and after the point.
EXACT = Context(prec=120)
# An average has as many decimals as any number of a filter, and one that says whether there are more: so it compares
# with such a number exactly as the fraction itself does.
AVERAGE_DECIMALS = 38
_UNIT = 10**AVERAGE_DECIMALS


class Amount(NamedTuple):
    """A value, `None` where there is none, and the next instant at which it may change by itself.

    `counted` facts have entered. `total` is their sum where a sum or an average is asked for; `time` and `position`
    are those of the fact that a latest value is of.
    """

    value: Value | None
    next_at: int | None = None
    counted: int = 0
    total: int | Decimal = 0
    time: int = 0
    position: int = 0


def nothing(measure: Measure) -> Amount:
    """The amount without facts."""
    return Amount(measure.zero)


def amount_at(measure: Measure, facts: Iterable[Fact], now: int, days: Days) -> Amount:
    """The amount at an instant, from all facts of the customer that may count at it or later, in any order."""
    counted = measure.window.counted(now, days)
    amount, values = nothing(measure), set[Value]()
    for fact in facts:
        if measure.takes(fact):
            amount = _awaiting(measure, amount, fact, now, days)
            if counted.after < fact.time <= counted.until:
                amount = _entered(measure, amount, fact, values)
    return amount


def added(measure: Measure, amount: Amount, fact: Fact, others: Iterable[Fact], now: int, days: Days) -> Amount:
    """The amount at an instant with one more fact. `others` are only looked at where `needs_facts`."""
    if not measure.takes(fact):
        return amount
    counted = measure.window.counted(now, days)
    amount = _awaiting(measure, amount, fact, now, days)
    if not counted.after < fact.time <= counted.until:
        return amount
    if not needs_facts(measure):
        return _entered(measure, amount, fact, set())
    return amount_at(measure, (*others, fact), now, days)


def changes(
    measure: Measure, amount: Amount, facts: Iterable[Fact], until: int, days: Days
) -> Iterator[tuple[int, Amount]]:
    """Each instant up to `until` at which the amount may change by itself, in order, with the amount from it on."""
    known = [fact for fact in facts if measure.takes(fact)]
    while amount.next_at is not None and amount.next_at <= until:
        instant = amount.next_at
        amount = amount_at(measure, known, instant, days)
        yield instant, amount


def needs_facts(measure: Measure) -> bool:
    """Returns whether one more fact cannot be added without a look at the others."""
    return measure.aggregate == "distinct"


def _awaiting(measure: Measure, amount: Amount, fact: Fact, now: int, days: Days) -> Amount:
    at = measure.window.next_change(fact.time, now, days)
    if at is None or (amount.next_at is not None and amount.next_at <= at):
        return amount
    return amount._replace(next_at=at)


def _entered(measure: Measure, amount: Amount, fact: Fact, values: set[Value]) -> Amount:
    """The amount with a fact that counts; `values` are the different ones before it, if these are counted."""
    counted = amount.counted + 1
    given: Any = None if measure.of is None else fact.properties[measure.of]
    old: Any = amount.value
    match measure.aggregate:
        case "count":
            return amount._replace(value=counted, counted=counted)
        case "sum":
            total = plain(EXACT.add(Decimal(amount.total), Decimal(given)))
            return amount._replace(value=total, counted=counted, total=total)
        case "average":
            total = plain(EXACT.add(Decimal(amount.total), Decimal(given)))
            return amount._replace(value=quotient(total, counted), counted=counted, total=total)
        case "min":
            return amount._replace(value=given if old is None else min(old, given), counted=counted)
        case "max":
            return amount._replace(value=given if old is None else max(old, given), counted=counted)
        case "distinct":
            values.add(matchable(given))
            return amount._replace(value=len(values), counted=counted)
        case "first_at":
            text = instant_text(from_micros(fact.time))
            return amount._replace(value=text if old is None else min(old, text), counted=counted)
        case "last_at":
            text = instant_text(from_micros(fact.time))
            return amount._replace(value=text if old is None else max(old, text), counted=counted)
        case "latest":
            if old is not None and (fact.time, fact.position) < (amount.time, amount.position):
                return amount._replace(counted=counted)
            return Amount(given, amount.next_at, counted, 0, fact.time, fact.position)


def quotient(total: int | Decimal, count: int) -> int | Decimal:
    """A fraction that compares with any number of at most 38 decimals as `total / count` does.

    It has 38 decimals, and one more, a 5, where these are not all.
    """
    scaled = int(EXACT.scaleb(abs(Decimal(total)), AVERAGE_DECIMALS))
    whole, rest = divmod(scaled, count)
    digits = whole * 10 + (5 if rest else 0)
    return plain(EXACT.scaleb(Decimal(-digits if total < 0 else digits), -AVERAGE_DECIMALS - 1))


def plain(number: Decimal) -> int | Decimal:
    """A number in normal form: without zeros at its end, an `int` where it is whole."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    while exponent < 0 and digits and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if not digits:
        return 0
    exact = Decimal((sign, digits, exponent))
    return int(exact) if exponent >= 0 else exact
