"""Measures: what the filters of an account ask of behaviour, and what of it is in the index of dates and instants.

Used by the worker within its transaction. Nothing is stored for a measure whose values are no dates: facts say it. Of
one whose values are, the index is filled, some customers at a time, between batches, as of the account's time, and is
kept up to date from then on. A filter that asks something new waits until `MeasureFilled` in the log says that this is
done; from its position on the versions that wait are computed. So a replay, however it is cut, waits at the same
positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from domain import json_text
from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.windows import FOREVER
from domain.filters.conditions import measures_of
from domain.stored_events import MeasureFilled
from projections.model import date_values
from projections.model.account_state import AccountState
from projections.model.attributes.asked import MeasureState
from projections.model.behaviour import values
from projections.model.customers import CustomerBatch, is_indexed
from projections.model.filter_sql import values_of_chunk
from projections.model.read_model import ReadModel
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# The index of so many measures is filled together.
MOST_TOGETHER = 20
FACETS = ("", "@day", "@age")


class Unfilled(NamedTuple):
    """Measures of an account of which the index has the same customers."""

    account: AccountState
    states: list[MeasureState]


def ask(
    connection: Connection[Any], account: AccountState, asked: Mapping[str, Measure], position: int
) -> frozenset[str]:
    """Begin to keep what is asked of behaviour, by key. Returns the keys of what is not known yet."""
    for key, measure in asked.items():
        if key not in account.measures:
            state = MeasureState(measure, position)
            state.filled_to = 0 if state.is_indexed else FOREVER
            account.add_measure(state)
            definition = json_text.dumps(measure.definition).decode()
            fields = {"account_id": account.account_id, "key": key, "definition": definition, "since": position}
            facets = [f"{key}{facet}" for facet in FACETS]
            connection.execute(SQL.ask, fields | {"filled_to": state.filled_to, "facets": facets})
    return frozenset(key for key in asked if not account.measures[key].complete)


def forget_unused(connection: Connection[Any], account: AccountState) -> None:
    """Cease to keep what no filter and no computed attribute asks any more; `purge` empties the index of it."""
    if not account.measures:
        return
    used = {key for node in account.nodes.values() for key in measures_of(node)}
    used.update(key for segment in account.segments.values() for key in segment.waits_for)
    used.update(key for state in account.computed.values() for key in state.needed)
    unused = [key for key in account.measures if key not in used]
    if unused:
        _drop(connection, account.account_id, unused)
        account.remove_measures(unused)


def drop_unreadable(connection: Connection[Any], accounts: Iterable[AccountState]) -> None:
    """Take measures out of use that another release stored, and this one cannot read; the segments with them failed."""
    for account in accounts:
        if account.unreadable:
            _drop(connection, account.account_id, account.unreadable)
            account.unreadable = []


def _drop(connection: Connection[Any], account_id: UUID, keys: list[str]) -> None:
    """Take measures out of use."""
    connection.execute(SQL.drop, {"account_id": account_id, "keys": keys})


def purge(connection: Connection[Any], shards: Set[int], size: int) -> bool:
    """Remove up to `size` index rows of a dropped measure, in some shards. Returns whether there was such a measure."""
    row = connection.execute(SQL.next_dropped, {"shards": list(shards)}).fetchone()
    if row is None:
        return False
    account_id, key = row
    fields = {"account_id": account_id, "key": key, "facets": [f"{key}{facet}" for facet in FACETS], "size": size}
    (removed,) = connection.execute(SQL.purge, fields).fetchone() or (0,)
    if removed < size:
        connection.execute(SQL.purged, fields)
    return True


def unfilled(accounts: Iterable[AccountState]) -> list[Unfilled]:
    """The measures whose index is not complete, the oldest question first; not where time is passing.

    Those that have the same customers are filled together.
    """
    found: dict[tuple[UUID, int], Unfilled] = {}
    for account in accounts:
        if account.passing is None:
            for state in account.measures.values():
                if not state.is_filled:
                    group = found.setdefault((account.account_id, state.filled_to), Unfilled(account, []))
                    group.states.append(state)
    return sorted(found.values(), key=lambda each: each.states[0].since)


def fill(connection: Connection[Any], unfilled: Unfilled, size: int) -> None:
    """Put the values of the next customers, at most `size`, into the index, as of when time passed for them."""
    account, states = unfilled.account, unfilled.states[:MOST_TOGETHER]
    after = states[0].filled_to
    bounds = {"account_id": account.account_id, "after": after, "size": size}
    row = connection.execute(SQL.chunk_end, bounds).fetchone()
    assert row is not None
    last, count = row
    if count:
        connection.execute(SQL.plan_for, {"whole_tables": "on"})
        for state in states:
            _index(connection, account, state, after, last)
        connection.execute(SQL.plan_for, {"whole_tables": "off"})
        _index_touched(connection, account, states, after, last)
    for state in states:
        state.filled_to = FOREVER if count < size else last
    account.due_at = None
    keys = [state.measure.key for state in states]
    fields = {"account_id": account.account_id, "keys": keys, "filled_to": states[0].filled_to}
    connection.execute(SQL.advance, fields)


def complete(model: ReadModel, event: MeasureFilled, _position: int, _at: int) -> None:
    """Fill what is left of the index; from here on filters may ask. An event handler."""
    account = model.account_of(event)
    state = account.measures.get(event.measure)
    if state is None:
        return
    while not state.is_filled:
        fill(model.connection, Unfilled(account, [state]), FOREVER)
    state.complete = account.filters_changed = True
    model.connection.execute(SQL.complete, {"account_id": account.account_id, "key": event.measure})


def _index(connection: Connection[Any], account: AccountState, state: MeasureState, after: int, last: int) -> None:
    """Index the values of customers whose time has passed no further than that of the account."""
    terms = {
        "account": sql.Literal(account.account_id),
        "after": sql.Literal(after),
        "last": sql.Literal(last),
    }
    asked = values_of_chunk(state.measure, account.days.moment(account.time_passed_to), **terms)
    statement = SQL.index_instants if state.measure.type == "datetime" else SQL.index_days
    parts = {
        "key": sql.Literal(state.measure.key),
        "zone": sql.Literal(account.days.zone.key),
        "reached": sql.Literal(account.time_passed_to),
        "value": asked.predicate,
        "facts": asked.facts,
    }
    connection.execute(sql.SQL(statement).format(**terms, **parts))


def _index_touched(
    connection: Connection[Any], account: AccountState, states: list[MeasureState], after: int, last: int
) -> None:
    """Index the values of customers that an event touched later than time has passed to, each as of then."""
    fields = {"account_id": account.account_id, "after": after, "last": last, "reached": account.time_passed_to}
    numbers = [number for (number,) in connection.execute(SQL.touched, fields)]
    if not numbers:
        return
    touched = CustomerBatch()
    touched.load_numbers(connection, account.account_id, numbers)
    values.load(connection, account, touched.by_id.values())
    writes = RowWrites()
    keys = {f"{state.measure.key}{facet}": state.measure.type for state in states for facet in FACETS}
    date_values.write(
        writes,
        (
            (account.account_id, facet, customer.customer_no, None, customer.matchable.get(facet))
            for customer in touched.by_id.values()
            for facet, kind in keys.items()
            if is_indexed(facet, kind)
        ),
    )
    writes.execute(connection)
