"""What customers did, as rows: a fact in each, at the position of its event. Written by the worker, with its run.

An activity that is declared is known to readers, with the types of its properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.filters.behaviour.measures import Fact
from domain.filters.facets import FOLDED, facets_of
from domain.instants import Days, micros
from domain.stored_events import ActivityDeclared, ActivityRecorded
from domain.values import AttributeType, Value
from projections.model.read_model import ReadModel
from projections.postgres.arrays import Bigints, columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)


class FactRow(NamedTuple):
    """A fact of a customer, in the order of the table's columns."""

    account_id: UUID
    customer_no: int
    time: int
    position: int
    activity: str
    properties: str
    folded: str | None
    ahead: bool


def fact_of(event: ActivityRecorded, position: int, types: Mapping[str, AttributeType], days: Days) -> Fact:
    """The fact that an event recorded."""
    properties: dict[str, Value] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in event.properties.items()
    }
    compared = dict(properties)
    for key, value in properties.items():
        kind = types[key]
        if kind in FOLDED or kind == "datetime":
            facets = facets_of(key, kind, value, days)
            compared |= {facet: each for facet, each in facets.items() if each is not None and "@age" not in facet}
    return Fact(micros(event.time), position, event.activity, properties, compared)


def row_of(account_id: UUID, customer_no: int, fact: Fact, at: int) -> FactRow:
    """The row of a fact that arrived `at` an instant."""
    apart = {key: value for key, value in fact.compared.items() if fact.properties.get(key) != value}
    properties = json_text.dumps(fact.properties).decode()
    folded = json_text.dumps(apart).decode() if apart else None
    return FactRow(account_id, customer_no, fact.time, fact.position, fact.activity, properties, folded, fact.time > at)


def write(writes: RowWrites, facts: Sequence[FactRow], gone: Sequence[int]) -> None:
    """Add the writes of new facts, and of customers, by number, who are gone with every fact."""
    if facts:
        in_order = sorted(facts, key=lambda each: (each.customer_no, each.time))
        writes.add(SQL.insert, columns(in_order), rows=len(facts))
    if gone:
        writes.add(SQL.remove, [Bigints(gone)])


def load(
    connection: Connection[TupleRow], wanted: Iterable[tuple[int, int]], activities: Sequence[str]
) -> dict[int, list[Fact]]:
    """The facts of some activities by customer: of each wanted customer number those later than an instant."""
    numbers, after = zip(*wanted, strict=True)
    found: dict[int, list[Fact]] = {number: [] for number in numbers}
    asked = {"numbers": list(numbers), "after": list(after), "activities": list(activities)}
    for customer_no, time, position, activity, text, folded in connection.execute(SQL.load, asked):
        properties = _values(text)
        compared = properties if folded is None else properties | _values(folded)
        found[customer_no].append(Fact(time, position, activity, properties, compared))
    return found


def _values(text: str) -> dict[str, Value]:
    return {key: tuple(value) if type(value) is list else value for key, value in json_text.loads(text).items()}


def declare(model: ReadModel, event: ActivityDeclared, _position: int, _at: int) -> None:
    """Insert an activity, or add properties to it. An event handler, called within the worker's transaction."""
    known = model.account_of(event).activities
    known[event.activity] = {**known.get(event.activity, {}), **event.properties}
    fields = {
        "account_id": event.account_id,
        "activity": event.activity,
        "properties": json_text.dumps(event.properties).decode(),
    }
    model.connection.execute(SQL.declare, fields)
