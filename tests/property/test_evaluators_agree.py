"""Four evaluators, one answer: the Python predicate, the flip index, SQL on PostgreSQL, and the naive oracle.

One example is a crowd of customers and a set of filters, so that a few round trips decide thousands of cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql

from domain import json_text
from domain.filters.conditions import Node
from domain.filters.facets import facets_of
from domain.filters.parsing import parse
from domain.instants import Days
from domain.values import BadValue, Value, infer_type, is_missing, normalise
from projections.matching.flip_index import FlipIndex
from projections.model.customers import CustomerBatch, ProjectedCustomer, new_customer
from projections.model.filter_sql import predicate
from projections.postgres.database import session_conninfo
from projections.postgres.row_writes import RowWrites
from tests.support.full_size import examples
from tests.support.oracles import oracle
from tests.support.oracles.adversarial import TYPES, ZONES, bodies, filters, instants, lists, numbers, texts
from tests.support.oracles.event_log import fresh_database

Body = dict[str, Any]
RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def crowd_connection(postgres_url: str, template: str) -> Iterator[Connection[Any]]:
    """A session on a migrated database; every example rolls back."""
    with (
        fresh_database(postgres_url, template) as url,
        psycopg.connect(session_conninfo(url, "rollcall_worker"), autocommit=True) as connection,
    ):
        yield connection


def kept(body: Body) -> dict[str, Any]:
    """The body's values in normal form."""
    values = {key: normalise(TYPES[key], raw) for key, raw in body.items()}  # type: ignore[arg-type]
    assert not any(isinstance(value, BadValue) for value in values.values()), values
    return {key: value for key, value in values.items() if value is not None}


def compared(body: Body, zone: ZoneInfo) -> dict[str, Value]:
    days = Days(zone)
    seen: dict[str, Value | None] = {}
    for key, value in kept(body).items():
        seen |= facets_of(key, TYPES[key], value, days)  # type: ignore[arg-type]
    return {key: value for key, value in seen.items() if value is not None}


def naive(body: Body) -> dict[str, Any]:
    values = {key: oracle.normal(TYPES[key], raw) for key, raw in body.items()}
    return {key: value for key, value in values.items() if value is not None}


def parsed(raw: Any) -> Node:
    """The tree of a filter after the journey through the log."""
    return parse(json_text.loads(json_text.dumps(raw)), TYPES, stored=True)  # type: ignore[arg-type]


def rows_of(crowd: list[Body], account: UUID, zone: ZoneInfo) -> dict[UUID, ProjectedCustomer]:
    rows = {}
    for number, body in enumerate(crowd):
        row = new_customer(account, number + 1, uuid4(), 0)
        for key, value in kept(body).items():
            row.set(key, TYPES[key], value, Days(zone))  # type: ignore[arg-type]
        rows[row.customer_id] = row
    return rows


def sql_members(connection: Connection[Any], crowd: list[Body], nodes: list[Node], zone: ZoneInfo) -> list[set[int]]:
    """The indexes of the customers that fit each filter, as PostgreSQL evaluates them in one round trip."""
    account = uuid4()
    answered: list[set[int]] = [set() for _ in nodes]
    with connection.transaction(force_rollback=True):
        writes = RowWrites()
        CustomerBatch(rows_of(crowd, account, zone)).write(writes)
        writes.execute(connection)
        select = sql.SQL("SELECT {}::int, customer_no::int, {} FROM customers c WHERE account_id = {}")
        parts = [
            select.format(sql.Literal(index), predicate(node), sql.Literal(account)) for index, node in enumerate(nodes)
        ]
        for index, number, holds in connection.execute(sql.SQL(" UNION ALL ").join(parts)):
            assert isinstance(holds, bool), "a predicate is never NULL"
            if holds:
                answered[index].add(number - 1)
    return answered


@settings(max_examples=examples(120), deadline=None, suppress_health_check=RELAXED)
@given(
    crowd=st.lists(bodies(), min_size=8, max_size=16),
    raw_filters=st.lists(filters(), min_size=6, max_size=12),
    zone=st.sampled_from(ZONES),
)
def test_all_four_agree(
    crowd_connection: Connection[Any], crowd: list[Body], raw_filters: list[Any], zone: ZoneInfo
) -> None:
    nodes = [parsed(raw) for raw in raw_filters]
    index = FlipIndex()
    for version, node in enumerate(nodes):
        index.add(version, node)
    by_sql = sql_members(crowd_connection, crowd, nodes, zone)
    for number, body in enumerate(crowd):
        values = compared(body, zone)
        expected = {v for v, raw in enumerate(raw_filters) if oracle.holds(raw, TYPES, naive(body), zone)}
        for version, node in enumerate(nodes):
            assert node.holds(values) == (version in expected), (raw_filters[version], body, zone)
        answered = index.members_of(values)
        assert (len(answered), set(answered)) == (len(expected), expected)
        for version, members in enumerate(by_sql):
            assert (number in members) == (version in expected), (raw_filters[version], body, zone)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=RELAXED)
@given(
    journey=st.lists(bodies(), min_size=2, max_size=8),
    raw_filters=st.lists(filters(), min_size=1, max_size=8),
    zone=st.sampled_from(ZONES),
)
def test_a_change_flips_what_was_true_before_or_is_true_after(
    journey: list[Body], raw_filters: list[Any], zone: ZoneInfo
) -> None:
    """Several attributes at once; an attribute that a step leaves out is removed by it."""
    index = FlipIndex()
    for version, raw in enumerate(raw_filters):
        index.add(version, parsed(raw))
    values: dict[str, Value] = {}
    before = {v for v, raw in enumerate(raw_filters) if oracle.holds(raw, TYPES, {}, zone)}
    for body in journey:
        after = {v for v, raw in enumerate(raw_filters) if oracle.holds(raw, TYPES, naive(body), zone)}
        new = compared(body, zone)
        flips = index.change(values, {key: new.get(key) for key in {**values, **new}})
        context = (raw_filters, body, zone)
        assert (sorted(flips.joined), sorted(flips.left)) == (sorted(after - before), sorted(before - after)), context
        assert values == new
        before = after


scalars = st.one_of(
    texts,
    numbers,
    instants,
    st.booleans(),
    st.none(),
    lists,
    st.integers(-(10**16), 10**16),
    st.text(st.characters(codec=None), max_size=5),
    st.lists(texts | st.integers() | st.none(), max_size=3),
    st.from_regex(r"[0-9]{4}-[0-1][0-9]-[0-3][0-9]", fullmatch=True),
    st.from_regex(
        r"(0001|2026|9999)-(01|12)-(01|31)[T ][0-2]\d:[0-5]\d:[0-6]\d(\.\d{1,8})?(Z|[+-][0-2]\d:[0-5]\d)",
        fullmatch=True,
    ),
    st.dictionaries(texts, texts, max_size=1),
)


@settings(max_examples=examples(1_500), deadline=None)
@given(raw=scalars, kind=st.sampled_from([None, "text", "number", "boolean", "date", "datetime", "list"]))
@example(raw="2026-02-29", kind=None)
@example(raw="２０２６-05-20", kind=None)
@example(raw=[" ", None], kind=None)
def test_values_have_one_normal_form(raw: Any, kind: str | None) -> None:
    """Type and value of whatever is sent, inferred or declared, are the oracle's; what it refuses is refused."""
    if kind is None:
        assume(not is_missing(raw))
        try:
            expected_kind: Any = oracle.inferred_type(raw)
        except oracle.Bad:
            answered = infer_type(raw)
            assert isinstance(answered, BadValue) or isinstance(normalise(answered, raw), BadValue)
            return
        kind = infer_type(raw)  # type: ignore[assignment]
        assert kind == expected_kind
    value = normalise(kind, raw)  # type: ignore[arg-type]
    try:
        expected = oracle.normal(kind, raw)  # type: ignore[arg-type]
    except oracle.Bad:
        assert isinstance(value, BadValue)
        return
    assert not isinstance(value, BadValue), value
    assert as_oracle(kind, value) == expected
    again = json_text.loads(json_text.dumps(value))
    assert as_oracle(kind, tuple(again) if isinstance(again, list) else again) == expected


def as_oracle(kind: str | None, value: Any) -> Any:
    """A value in normal form as the oracle writes it."""
    if value is None:
        return None
    match kind:
        case "number":
            assert not isinstance(value, bool | float)
            return Fraction(Decimal(value))
        case "date":
            return date.fromisoformat(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "list":
            assert len(set(value)) == len(value)
            return frozenset(value)
    return value
