"""Computed attributes: what customers do, measured under a name, as rows. Event handlers of the worker.

The measure of a definition is kept as long as the attribute is declared, whether a filter asks for it or not: so
customers are shown with its value. A new definition is filled beside the one that is served; `MeasureFilled` in the log
says when all is known, and from its position on readers see the new values. Segments that use the attribute are
outdated by a new definition, as by a new filter of a segment that they name (`AccountState.outdated`).
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain import json_text
from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.reading import KEPT
from domain.filters.behaviour.windows import FOREVER
from domain.stored_events import AttributeComputed, AttributeRemoved, MeasureFilled
from projections.model.account_state import AccountState
from projections.model.attributes.asked import ComputedState
from projections.model.behaviour import measures
from projections.model.predicates.measures import enters, instant, shown
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)


def declare(model: ReadModel, event: AttributeComputed, position: int, _at: int) -> None:
    """Begin to compute an attribute, or compute it by another definition; a new label alone changes nothing here."""
    account = model.account_of(event)
    _define(model.connection, account, event.key, event.definition, position)
    _serve(model.connection, account)


def define_all(model: ReadModel, account: AccountState, position: int) -> None:
    """Compute every attribute by the retention that the account has now."""
    for key, state in list(account.computed.items()):
        definition = {name: each for name, each in state.measure.definition.items() if name != KEPT}
        _define(model.connection, account, key, definition, position)
    _serve(model.connection, account)


def _define(connection: Connection[TupleRow], account: AccountState, key: str, definition: Any, position: int) -> None:
    measure = account.parse_measure(account.retention.of(definition))
    before = account.computed.get(key)
    if before is not None and before.measure.key == measure.key:
        before.measure = measure
        return
    account.computed[key] = ComputedState(measure, position, None if before is None else before.serving)
    fields = {
        "account_id": account.account_id,
        "key": key,
        "definition": json_text.dumps(definition).decode(),
        "measure": measure.key,
        "since": position,
    }
    connection.execute(SQL.declare, fields)
    measures.ask(connection, account, {measure.key: measure}, position)
    account.filters_changed = True


def remove(model: ReadModel, event: AttributeRemoved, _position: int, _at: int) -> None:
    """Cease to compute an attribute, which no filter uses."""
    account = model.account_of(event)
    del account.computed[event.key], account.types[event.key]
    model.connection.execute(SQL.remove, {"account_id": event.account_id, "key": event.key})
    measures.forget_unused(model.connection, account)


def serve_filled(model: ReadModel, event: MeasureFilled, _position: int, _at: int) -> None:
    """Show the values of the definitions that are known of every customer now."""
    _serve(model.connection, model.account_of(event))


def _serve(connection: Connection[TupleRow], account: AccountState) -> None:
    for key, state in account.computed.items():
        newest = state.measure.key
        if state.serving != newest and account.measures[newest].complete:
            state.serving, state.moves_at = newest, 0
            fields = {"account_id": account.account_id, "key": key}
            connection.execute(SQL.serve, fields | _shown(connection, state.measure))
    move_windows(connection, account)
    measures.forget_unused(connection, account)


def move_windows(connection: Connection[TupleRow], account: AccountState) -> None:
    """Let the windows of the values that readers see be those of the account's time. Called when time has passed."""
    for key, state in account.computed.items():
        if state.serving is None or not state.moves_at <= account.time_passed_to:
            continue
        window = account.measures[state.serving].measure.window
        edges = window.edges(account.time_passed_to, account.days)
        parts = {"account": account.account_id, "key": key}
        terms = {name: sql.Literal(value) for name, value in parts.items()}
        ends = {name: instant(at) for name, at in edges._asdict().items()}
        connection.execute(sql.SQL(SQL.move).format(**terms, **ends))
        changes = window.counted(account.time_passed_to, account.days).changes
        state.moves_at = FOREVER if changes is None else changes


def _shown(connection: Connection[TupleRow], measure: Measure) -> dict[str, Any]:
    longest = measure.window.longest
    return {
        "value": shown(measure).as_string(connection),
        "facts": enters(measure).as_string(connection),
        "longest": None if longest == FOREVER else longest,
    }
