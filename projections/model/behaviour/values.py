"""What filters ask of the behaviour of customers, as values that conditions compare.

Used by the worker within its transaction. What the customers at hand did is loaded with them, and arranged so that a
value is read off at any instant (`domain.filters.behaviour.series`): neither a new question, nor a fact, nor a window
that lets facts go, writes anything but the members who flip. Only of customers who did very much are amounts stored
(`amounts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.series import History, Series
from domain.filters.behaviour.windows import Counted
from domain.filters.facets import facets_of
from domain.values import Value
from projections.model.account_state import AccountState
from projections.model.behaviour import activities, amounts
from projections.model.customers import ProjectedCustomer

# Of a customer with more facts than these, amounts are stored.
MOST_FACTS = 500


def load(connection: Connection[Any], account: AccountState, customers: Iterable[ProjectedCustomer]) -> None:
    """Load what an account's customers did, as far as filters ask, and the values that every event needs."""
    by_number = {customer.customer_no: customer for customer in customers}
    if not by_number or not account.measures:
        return
    for customer in amounts.load(connection, account, by_number):
        del by_number[customer.customer_no]
    questions, days = account.questions, account.days
    reached = {each: max(account.reached(number), each.updated_at) for number, each in by_number.items()}
    since = {at: questions.since(at, days) for at in set(reached.values())}
    wanted = [(each.customer_no, since[at]) for each, at in reached.items()]
    found = activities.load(connection, wanted, [*account.measures_of]) if wanted else {}
    for number, facts in found.items():
        customer = by_number[number]
        if len(facts) > MOST_FACTS:
            amounts.begin(account, customer, facts)
        elif facts:
            customer.history = History(facts)
            customer.next_at = questions.next_change(facts, reached[customer], days)
            know(account, customer, questions.together, reached[customer])


def know(account: AccountState, customer: ProjectedCustomer, measures: Iterable[Measure], at: int) -> None:
    """Put the values of measures at an instant among those that conditions compare; stored amounts are there."""
    if customer.has_amounts or not customer.history.facts:
        return
    questions, days, history = account.questions, account.days, customer.history
    for measure in measures:
        value = history.series(measure).value(measure, questions.counted(measure, at, days))
        _put(customer, facets_of(measure.key, measure.type, value, days))


def record(account: AccountState, customer: ProjectedCustomer, fact: Fact, at: int) -> dict[str, Value | None]:
    """Take in what a customer did. Returns the facets that change, not yet in `matchable`."""
    if customer.has_amounts:
        return amounts.record(account, customer, fact, at)
    questions, days, history = account.questions, account.days, customer.history
    sources: dict[str, Series | None] = {}
    changes: list[tuple[Measure, Value | None, Value | None]] = []
    in_full: list[tuple[Measure, Counted, Series, Value | None]] = []
    time = fact.time
    for measure, counted in questions.counted_of(fact.activity, at, days):
        if not counted.after < time <= counted.until:
            continue
        source = measure.source
        if source in sources:
            series = sources[source]
        else:
            series = sources[source] = history.series(measure) if measure.takes(fact) else None
        if series is None:
            continue
        quick = None
        if not series.times or series.times[-1] <= time:
            quick = series.with_latest(measure, counted, None if measure.of is None else fact.properties[measure.of])
        if quick is None:
            in_full.append((measure, counted, series, series.value(measure, counted)))
        else:
            changes.append((measure, *quick))
    history.add(fact)
    changes += [(measure, before, series.value(measure, counted)) for measure, counted, series, before in in_full]
    changed: dict[str, Value | None] = {}
    for measure, before, value in changes:
        if value != before:
            _change(account, customer, measure, before, value, changed)
    customer.next_at = questions.next_change_with(customer.next_at, fact, at, days)
    return changed


def pass_time(account: AccountState, customer: ProjectedCustomer, instant: int) -> dict[str, Value | None]:
    """Let the values change that are due at an instant. Returns the facets that change, not yet in `matchable`."""
    if customer.has_amounts:
        return amounts.pass_time(account, customer, instant)
    questions, days, history = account.questions, account.days, customer.history
    changed: dict[str, Value | None] = {}
    for measure in account.questions.measures.values():
        series = history.series(measure)
        before = series.value(measure, measure.window.counted(instant - 1, days))
        value = series.value(measure, questions.counted(measure, instant, days))
        if value != before:
            _change(account, customer, measure, before, value, changed)
    customer.next_at = questions.next_change(history.facts, instant, days)
    return changed


def _change(
    account: AccountState,
    customer: ProjectedCustomer,
    measure: Measure,
    before: Value | None,
    value: Value | None,
    changed: dict[str, Value | None],
) -> None:
    """Add the facets of a value that changes; those of the one before are in `matchable` from here on."""
    days, key = account.days, measure.key
    if measure.type == "number":
        if before is None:
            customer.matchable.pop(key, None)
        else:
            customer.matchable[key] = before
        changed[key] = value
        return
    _put(customer, facets_of(key, measure.type, before, days))
    indexed = account.measures[key].indexes(customer.customer_no)
    changed |= customer.set_measured(measure, value, days, indexed)


def _put(customer: ProjectedCustomer, facets: dict[str, Value | None]) -> None:
    for facet, value in facets.items():
        if value is None:
            customer.matchable.pop(facet, None)
        else:
            customer.matchable[facet] = value
