"""Stored amounts: what filters ask of customers who did very much, so that not all of it is read for each event.

Used by `values`. A row holds as of the last event that touched its customer: a fact changes the amounts in memory
(`domain.filters.behaviour.amounts`), and facts are looked at again only where no row says an amount: of a measure that
is newer than the row, and of one that has changed by itself since. So neither a new question nor time writes any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain import json_text
from domain.filters.behaviour.amounts import Amount, added, amount_at, needs_facts, nothing
from domain.filters.behaviour.measures import Fact
from domain.filters.facets import facets_of
from domain.values import Value
from projections.model.account_state import AccountState
from projections.model.attributes.asked import MeasureState
from projections.model.behaviour import activities
from projections.model.customers import ProjectedCustomer
from projections.postgres.arrays import Bigints, columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# How many parts of an amount are stored, where it is not three.
_PARTS = {"sum": 4, "average": 4, "latest": 6}


def load(
    connection: Connection[Any], account: AccountState, customers: Mapping[int, ProjectedCustomer]
) -> list[ProjectedCustomer]:
    """Load the amounts of those customers, by number, that have stored ones. Returns these."""
    rows = connection.execute(SQL.load, [Bigints(customers)], binary=True).fetchall()
    found, unknown = [], {}
    for number, known_to, text in rows:
        customer = customers[number]
        customer.has_amounts, customer.known_to = True, known_to
        found.append(customer)
        if missing := _read(account, customer, known_to, text):
            unknown[customer] = missing
    if unknown:
        wanted = [(each.customer_no, _since(account, each, states)) for each, states in unknown.items()]
        facts = activities.load(connection, wanted, [*account.measures_of])
        for customer, states in unknown.items():
            _compute(account, customer, states, facts[customer.customer_no])
    for customer in found:
        _find_next_change(customer)
    return found


def begin(account: AccountState, customer: ProjectedCustomer, facts: Iterable[Fact]) -> None:
    """Compute the amounts of a customer that has none stored yet, from all facts that matter."""
    customer.has_amounts = True
    _compute(account, customer, account.measures.values(), facts)
    _find_next_change(customer)


def load_facts(connection: Connection[Any], account: AccountState, after: Mapping[ProjectedCustomer, int]) -> None:
    """Load the facts of customers that are later than an instant."""
    if not after:
        return
    wanted = {customer.customer_no: customer for customer in after}
    found = activities.load(connection, [(each.customer_no, at) for each, at in after.items()], [*account.measures_of])
    for number, facts in found.items():
        customer = wanted[number]
        known = {fact.position for fact in facts}
        customer.facts = [*facts, *(fact for fact in customer.facts if fact.position not in known)]


def needed_when_due(account: AccountState, customer: ProjectedCustomer, last: int) -> int | None:
    """The instant after which facts matter to what changes by itself up to `last`; `None` where nothing does."""
    if not customer.has_amounts or customer.next_at is None or customer.next_at > last:
        return None
    due = (account.measures[key] for key, amount in customer.amounts.items() if amount.next_at is not None)
    return _since(account, customer, list(due))


def needed_by(account: AccountState, fact: Fact, at: int, last: int) -> int | None:
    """The instant after which others matter to a fact that arrives `at` an instant, by `last`; `None` where none do."""
    after = [
        measure.window.counted(at, account.days).after
        for measure in (state.measure for state in account.measures_of.get(fact.activity, ()))
        if needs_facts(measure)
        or ((change := measure.window.next_change(fact.time, at, account.days)) is not None and change <= last)
    ]
    return min(after, default=None)


def record(account: AccountState, customer: ProjectedCustomer, fact: Fact, at: int) -> dict[str, Value | None]:
    """Take in what a customer did. Returns the facets that change, not yet in `matchable`."""
    changed: dict[str, Value | None] = {}
    for state in account.measures_of[fact.activity]:
        measure = state.measure
        before = customer.amounts.get(measure.key) or nothing(measure)
        others = (*customer.facts, *customer.recent) if needs_facts(measure) else ()
        now = added(measure, before, fact, others, at, account.days)
        if now != before:
            changed |= _set(account, customer, state, now)
    _find_next_change(customer)
    customer.recent.append(fact)
    return changed


def pass_time(account: AccountState, customer: ProjectedCustomer, instant: int) -> dict[str, Value | None]:
    """Let the amounts change that are due at an instant. Returns the facets that change, not yet in `matchable`."""
    changed: dict[str, Value | None] = {}
    facts = (*customer.facts, *customer.recent)
    for key, amount in list(customer.amounts.items()):
        if amount.next_at is not None and amount.next_at <= instant:
            state = account.measures[key]
            now = amount_at(state.measure, facts, instant, account.days)
            changed |= _set(account, customer, state, now)
    _find_next_change(customer)
    return changed


def write(writes: RowWrites, customers: Iterable[ProjectedCustomer], accounts: Mapping[UUID, AccountState]) -> None:
    """Add the writes of the amounts that changed with the events that touched customers."""
    rows = []
    for customer in customers:
        if customer.has_amounts and customer.amounts_changed:
            account = accounts[customer.account_id]
            customer.known_to = account.asked_to
            rows.append((customer.account_id, customer.customer_no, account.asked_to, _text(customer, account)))
    if rows:
        writes.add(SQL.write, columns(sorted(rows)), rows=len(rows))


def remove(writes: RowWrites, numbers: list[int]) -> None:
    """Add the removal of customers, by number, with every amount."""
    if numbers:
        writes.add(SQL.remove, [numbers])


def _read(account: AccountState, customer: ProjectedCustomer, known_to: int, text: str) -> list[MeasureState]:
    """Take the amounts of a row that still hold. Returns the measures of which it does not say the amount."""
    reached = max(account.reached(customer.customer_no), customer.updated_at)
    missing = []
    if known_to < account.asked_to:
        customer.amounts_changed = True
        missing = [state for state in account.measures.values() if state.since > known_to]
    for key, (value, next_at, *rest) in json_text.loads(text).items():
        state = account.measures.get(key)
        if state is None or state.since > known_to:
            continue
        if next_at is not None and next_at <= reached:
            missing.append(state)
        else:
            _take(account, customer, state, Amount(tuple(value) if type(value) is list else value, next_at, *rest))
    return missing


def _since(account: AccountState, customer: ProjectedCustomer, states: Collection[MeasureState]) -> int:
    """The instant after which facts matter to measures from when time has passed for the customer last."""
    reached = max(account.reached(customer.customer_no), customer.updated_at)
    return min(state.measure.window.counted(reached, account.days).after for state in states)


def _compute(
    account: AccountState, customer: ProjectedCustomer, states: Iterable[MeasureState], facts: Iterable[Fact]
) -> None:
    """Compute amounts from facts, as of when time has passed for the customer last."""
    reached = max(account.reached(customer.customer_no), customer.updated_at)
    customer.amounts_changed = True
    for state in states:
        amount = amount_at(state.measure, facts, reached, account.days)
        if amount.counted or amount.next_at is not None:
            _take(account, customer, state, amount)


def _take(account: AccountState, customer: ProjectedCustomer, state: MeasureState, amount: Amount) -> None:
    measure = state.measure
    customer.amounts[measure.key] = amount
    if amount.counted:
        facets = facets_of(measure.key, measure.type, amount.value, account.days)
        customer.matchable |= {facet: each for facet, each in facets.items() if each is not None}


def _set(
    account: AccountState, customer: ProjectedCustomer, state: MeasureState, amount: Amount
) -> dict[str, Value | None]:
    """Set an amount. Returns the facets of its value that change, not yet in `matchable`."""
    measure = state.measure
    customer.amounts_changed = True
    if amount.counted or amount.next_at is not None:
        customer.amounts[measure.key] = amount
    else:
        customer.amounts.pop(measure.key, None)
    value = amount.value if amount.counted else None
    return customer.set_measured(measure, value, account.days, state.indexes(customer.customer_no))


def _find_next_change(customer: ProjectedCustomer) -> None:
    """Keep when the next of the amounts may change by itself, once all that change now are set."""
    amounts = customer.amounts.values()
    customer.next_at = min((each.next_at for each in amounts if each.next_at is not None), default=None)


def _text(customer: ProjectedCustomer, account: AccountState) -> str:
    stored = {
        key: amount[: _PARTS.get(account.measures[key].measure.aggregate, 3)]
        for key, amount in customer.amounts.items()
        if key in account.measures
    }
    return json_text.dumps(stored).decode()
