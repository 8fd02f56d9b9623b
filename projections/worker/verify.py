"""Verify: every membership against a from-scratch evaluation in SQL, and what campaigns read of every customer.

Used by `rollcall verify`. Members of static segments are compared with the events that added and removed them, joins
and leaves by day with the history, and how many recipients an audience counts with those that it holds. Reads one
snapshot, so it may run while customers change: everything that it compares belongs to one position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection, sql

from domain import json_text
from domain.filters.conditions import conditions_of
from domain.filters.regions import Daily, Rolling
from domain.stored_events import CustomerDeleted, StaticMembersAdded, StaticMembersRemoved
from projections.model.account_state import AccountState
from projections.model.attributes.asked import MeasureState
from projections.model.behaviour import values
from projections.model.customers import CustomerBatch
from projections.model.filter_sql import predicate
from projections.model.predicates.measures import json_of
from projections.model.start.accounts import load_accounts
from projections.postgres.database import beside, operator_errors, session_conninfo
from projections.worker.shards.shard import ALL

SQL = beside(__file__)
# Far beyond every instant, in microseconds since 1970.
FAR_FUTURE = 10**17
LAST_CUSTOMER = 2**62


def verify(database_url: str) -> Iterator[str]:
    """A line for each customer who is a member and should not be, or is not and should be, or whose reach is wrong.

    And for each segment or audience whose counts are wrong.
    """
    conninfo = session_conninfo(database_url, "rollcall_worker")
    with operator_errors(), psycopg.connect(conninfo) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # Before the snapshot is taken: see begin_read in database.sql.
        connection.execute("LOCK TABLE shards IN ACCESS SHARE MODE")
        accounts, broken = load_accounts(connection, ALL)
        for each in broken:
            yield f"segment {each.segment.segment_id}: its filter cannot be read: {each.reason}"
        for account in accounts.values():
            yield from _differences(connection, account)
        yield from _static_differences(connection)
        yield from (
            f"segment {segment_id}: counted {counted} members, has {present}"
            for segment_id, counted, present in connection.execute(SQL.wrong_counts)
        )
        yield from (
            f"segment {segment}: the joins and leaves counted of {day} are not those of its history"
            for segment, day in connection.execute(SQL.wrong_days)
        )
        yield from (
            f"customer {customer_id}: what campaigns read of them differs from their own row"
            for (customer_id,) in connection.execute(SQL.wrong_reach)
        )
        yield from (
            f"audience {audience_id}: counted {copied} recipients, holds {held}, {present} of them customers"
            for audience_id, copied, held, present in connection.execute(SQL.wrong_audiences)
        )


def _differences(connection: Connection[Any], account: AccountState) -> Iterator[str]:
    recent = CustomerBatch()
    if account.moves_with_time:
        recent.load_since(connection, account.account_id, account.time_passed_to)
        since = [each for each in recent.by_id.values() if each.updated_at > account.reached(each.customer_no)]
        recent.by_id = {each.customer_id: each for each in since}
        values.load(connection, account, since)
        for each in since:
            values.know(account, each, account.questions.measures.values(), each.updated_at)
    for segment in account.segments.values():
        if segment.serving is None or segment.serving not in account.nodes:
            continue
        for customer_id, expected in _wrong(connection, account, segment.serving, recent):
            relation = "is no member but matches" if expected else "is a member but does not match"
            yield f"segment {segment.segment_id}: customer {customer_id} {relation}"
    for state in account.measures.values():
        for customer_id in _wrong_amounts(connection, account, state):
            definition = json_text.dumps(state.measure.definition).decode()
            yield f"customer {customer_id}: what is known of their behaviour differs from their facts: {definition}"


def _static_differences(connection: Connection[Any]) -> Iterator[str]:
    topics = {
        "added": StaticMembersAdded.type_name,
        "removed": StaticMembersRemoved.type_name,
        "deleted": CustomerDeleted.type_name,
    }
    for segment_id, customer, expected in connection.execute(SQL.static_differences, topics):
        relation = "is no member but was added" if expected else "is a member but was not added, or taken out since"
        yield f"segment {segment_id}: customer {customer} {relation}"


def _wrong(
    connection: Connection[Any], account: AccountState, version_no: int, recent: CustomerBatch
) -> list[tuple[str, bool]]:
    """Customers whose membership differs, each evaluated at the instant up to which time has passed for them.

    That is the account's instant; while time passes, the customers up to a number have reached a later one: a set-based
    query for each of the two parts. Where conditions move with time, customers touched later have the instant of their
    own last event, and each of them is evaluated on its own.
    """
    node = account.nodes[version_no]
    moving = any(
        isinstance(condition.region, Daily | Rolling) or condition.measure is not None
        for condition in conditions_of(node)
    )
    wrong: list[tuple[str, bool]] = []
    for after, last in _parts(account):
        reached = account.reached(last)
        statement = sql.SQL(SQL.differences).format(
            account=sql.Literal(account.account_id),
            version=sql.Literal(version_no),
            after=sql.Literal(after),
            last=sql.Literal(last),
            until=sql.Literal(reached if moving else FAR_FUTURE),
            predicate=predicate(node, account.days.moment(reached)),
        )
        wrong += connection.execute(statement).fetchall()
    if moving:
        numbers = [row.customer_no for row in recent.by_id.values()]
        present = {row[0] for row in connection.execute(SQL.members_among, [version_no, numbers])}
        for row in recent.by_id.values():
            expected = node.holds(row.matchable, account.days.moment(row.updated_at))
            if expected != (row.customer_no in present):
                wrong.append((str(row.customer_id), expected))
    return wrong


def _wrong_amounts(connection: Connection[Any], account: AccountState, state: MeasureState) -> Iterator[str]:
    """Customers whose amount is not that of their facts at the instant up to which time has passed for the account.

    Those that were touched later than that are left out: they have an instant of their own.
    """
    measure = state.measure
    for after, last in _parts(account):
        reached = account.reached(last)
        statement = sql.SQL(SQL.wrong_amounts).format(
            account=sql.Literal(account.account_id),
            after=sql.Literal(after),
            last=sql.Literal(last),
            until=sql.Literal(reached),
            key=sql.Literal(measure.key),
            since=sql.Literal(state.since),
            zero=sql.Literal(None if measure.zero is None else str(measure.zero)),
            value=json_of(measure, account.days.moment(reached)),
        )
        yield from (str(row[0]) for row in connection.execute(statement).fetchall())


def _parts(account: AccountState) -> list[tuple[int, int]]:
    """The ranges of customer numbers up to each of which time has passed to one instant."""
    last = account.passing.customer_no if account.passing else 0
    return [(0, last), (last, LAST_CUSTOMER)] if last else [(0, LAST_CUSTOMER)]
