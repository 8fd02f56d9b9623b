"""What a filter asks of one customer's behaviour, from their facts. Used by `projections.read.explanations`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain import json_text
from domain.filters.behaviour.measures import Fact
from domain.filters.behaviour.turning import lets_go, turns_at
from domain.filters.conditions import Node, conditions_of, measures_of
from domain.filters.facets import facets_of
from domain.instants import Moment, from_micros
from domain.values import Value
from projections.model.behaviour import activities
from projections.model.predicates.measures import json_of
from projections.postgres.database import beside

SQL = beside(__file__)


class Measured(NamedTuple):
    """Values by the key of their measure, as they are shown; and by facet, as conditions compare them."""

    shown: dict[str, Any]
    compared: dict[str, Value]


def turning(
    connection: Connection[TupleRow], customer_no: int, measured: Measured, node: Node, moment: Moment
) -> Callable[[Node], datetime | None]:
    """Returns what says when a condition on a customer's behaviour turns by itself; `measured` are their values."""
    assert moment.days is not None, "windows end when the account's days begin"
    moved = [measure for measure in measures_of(node).values() if lets_go(measure)]
    facts: list[Fact] = []
    if moved:
        after = min(measure.window.counted(moment.micros, moment.days).after for measure in moved)
        facts = activities.load(connection, [(customer_no, after)], sorted({each.activity for each in moved}))[
            customer_no
        ]

    def turns(of: Node) -> datetime | None:
        (measure,) = measures_of(of).values()
        regions = [condition.region for condition in conditions_of(of)]
        mine = [fact for fact in facts if measure.takes(fact)]
        at = turns_at(of, regions, measure, mine, measured.compared, moment)
        return None if at is None else from_micros(at)

    return turns


def values(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int, node: Node, moment: Moment
) -> Measured:
    """Returns the values at a moment of all that a filter asks of a customer's behaviour."""
    measures = list(measures_of(node).values())
    found = Measured({}, {})
    if not measures:
        return found
    assert moment.days is not None, "windows end when the account's days begin"
    columns = [sql.SQL("({})::text").format(json_of(measure, moment)) for measure in measures]
    statement = sql.SQL(SQL.of_customer).format(
        values=sql.SQL(", ").join(columns), account=sql.Literal(account_id), customer=sql.Literal(customer_no)
    )
    row = connection.execute(statement).fetchone()
    for measure, text in zip(measures, row or (), strict=False):
        if text is not None:
            raw = json_text.loads(text)
            value: Value = tuple(raw) if isinstance(raw, list) else raw
            found.shown[measure.key] = raw
            facets = facets_of(measure.key, measure.type, value, moment.days)
            found.compared.update({facet: each for facet, each in facets.items() if each is not None})
    return found
