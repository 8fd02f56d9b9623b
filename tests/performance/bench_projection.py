"""Projection: the worker against the bare row writes it makes, and against what a user would write.

The floor replays the very statements and parameters that the worker sent, on a copy of the database, in the
same transactions: the same row writes without reading the log, loading customers, matching, netting.
"""

from __future__ import annotations

import re
import time
from typing import Any

from psycopg import Connection

from deploy.embedded.postgres import Postgres
from domain import json_text
from projections.model.changes import LiveChanges
from projections.postgres.database import WorkerSessions
from projections.worker.log_writer import ReplayingWriter
from projections.worker.worker import Worker
from tests.performance import workload
from tests.performance.stage import Stage, change_of, copy_of, say, stage

CUSTOMERS = 100_000
CHANGES = 40_000
BATCH = 2_000
USER_BATCH = 1_000
USER_BATCHES = 3

USER_TABLE = """
CREATE TABLE segment_filter (segment integer, attribute text, operator text, operand jsonb);
CREATE INDEX ON segment_filter (segment);
CREATE TABLE user_customers AS SELECT customer_no, attributes FROM customers;
ALTER TABLE user_customers ADD PRIMARY KEY (customer_no);
CREATE TABLE user_members (segment integer, customer_no bigint, PRIMARY KEY (segment, customer_no));
"""
USER_QUERY = """
WITH changed AS (
    UPDATE user_customers c SET attributes = t.attributes::jsonb
    FROM unnest(%(customers)s::bigint[], %(attributes)s::text[]) AS t (customer_no, attributes)
    WHERE c.customer_no = t.customer_no
    RETURNING c.customer_no, c.attributes
), matching AS MATERIALIZED (
    SELECT f.segment, c.customer_no
    FROM changed c CROSS JOIN segment_filter f
    GROUP BY f.segment, c.customer_no
    HAVING bool_and(coalesce(CASE f.operator
        WHEN 'equals' THEN c.attributes->f.attribute = f.operand
        WHEN 'not_equals' THEN (c.attributes->f.attribute = f.operand) IS NOT TRUE
        WHEN 'in' THEN f.operand @> (c.attributes->f.attribute)
        WHEN 'is_set' THEN c.attributes ? f.attribute
        WHEN 'greater_than' THEN c.attributes->f.attribute > f.operand
        WHEN 'after' THEN c.attributes->f.attribute > f.operand
        WHEN 'less_than' THEN c.attributes->f.attribute < f.operand
        WHEN 'before' THEN c.attributes->f.attribute < f.operand
        ELSE c.attributes->f.attribute BETWEEN f.operand->0 AND f.operand->1 END, false))
), gone AS (
    DELETE FROM user_members m USING changed c
    WHERE m.customer_no = c.customer_no
      AND NOT EXISTS (SELECT FROM matching x WHERE x.segment = m.segment AND x.customer_no = m.customer_no)
)
INSERT INTO user_members SELECT segment, customer_no FROM matching ON CONFLICT DO NOTHING
"""


WRITES = re.compile(r"(--[^\n]*\n)*\s*(INSERT|UPDATE|DELETE)")


class PublishingWriter(ReplayingWriter):
    """Replays a log, and appends to the change stream as the live worker does."""

    def __init__(self) -> None:
        self.changes = LiveChanges()


class Recording:
    """A connection that remembers what it was asked to write, batch by batch."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.batches: list[list[tuple[Any, Any, Any]]] = []

    def transaction(self) -> Any:
        """Begin to remember another batch."""
        self.batches.append([])
        return self._connection.transaction()

    def execute(self, query: Any, parameters: Any = None, *, binary: bool = False) -> Any:
        """Pass on, and remember what writes."""
        if WRITES.match(str(query)):
            self.batches[-1].append((query, parameters, binary))
        return self._connection.execute(query, parameters, binary=binary)


def run(server: Postgres, sizes: tuple[int, ...] = (100, 1_000)) -> None:
    """Print changes per second for each number of segments."""
    say(f"\nProjection ({CUSTOMERS:,} customers, batches of {BATCH:,}; floor = the same row writes alone)")
    people = list(workload.customers(CUSTOMERS))
    filters = workload.segments(max(sizes))
    for size in sizes:
        with stage(server) as scene:
            scene.load_customers(people)
            scene.create_segments(filters[:size])
            drifted = [dict(each) for each in people]
            stream = list(workload.changes(drifted, CHANGES))
            for start in range(0, CHANGES, BATCH):
                part = stream[start : start + BATCH]
                scene.rollcall.customers.change(
                    scene.account_id, [change_of(each.customer, {each.key: each.new}) for each in part]
                )
        _compare(server, scene, size, filters[:size])


def _compare(server: Postgres, loaded: Stage, size: int, filters: list[Any]) -> None:
    with copy_of(server, loaded) as sessions:
        recording = Recording(sessions.writing)
        worker = Worker(WorkerSessions(recording, sessions.reading), PublishingWriter(), batch_size=BATCH)  # type: ignore[arg-type]
        worker.load()
        recording.batches.clear()
        flips = _flips(sessions.reading)
        started = time.perf_counter()
        while worker.project_events():
            continue
        rate = CHANGES / (time.perf_counter() - started)
        flips = _flips(sessions.reading) - flips
    with copy_of(server, loaded) as (bare, _):
        started = time.perf_counter()
        for batch in recording.batches:
            with bare.transaction():
                for query, parameters, binary in batch:
                    bare.execute(query, parameters, binary=binary)
        floor = CHANGES / (time.perf_counter() - started)
    user = _user(server, loaded, filters)
    say(
        f"  {size:>5} segments: {rate:>8,.0f} changes/s   {flips / CHANGES:.2f} flips/change   floor {floor:>8,.0f}"
        f"   ratio {rate / floor:.2f}   one SQL query per batch {user:>7,.0f}/s   {rate / user:,.0f} x"
    )


def _flips(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM membership_history").fetchone()
    assert row is not None
    return int(row[0])


def _user(server: Postgres, loaded: Stage, filters: list[list[dict[str, Any]]]) -> float:
    rows = [
        (number, each["attribute"], each["operator"], json_text.dumps(each.get("value")).decode())
        for number, conditions in enumerate(filters)
        for each in conditions
    ]
    people = list(workload.customers(CUSTOMERS))
    stream = workload.changes(people, USER_BATCH * USER_BATCHES)
    with copy_of(server, loaded) as (session, _):
        session.execute("SET ROLE none")
        session.execute("SET search_path = public, rollcall_model")
        session.execute(USER_TABLE)
        columns = [list(column) for column in zip(*rows, strict=True)]
        session.execute(
            "INSERT INTO segment_filter SELECT a, b, c, d::jsonb FROM"
            " unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS t (a, b, c, d)",
            columns,
        )
        session.execute("ANALYZE segment_filter, user_customers")
        numbers = [row[0] for row in session.execute("SELECT customer_no FROM customers ORDER BY customer_no")]
        started = time.perf_counter()
        for _ in range(USER_BATCHES):
            touched = {each.customer for each, _ in zip(stream, range(USER_BATCH), strict=False)}
            session.execute(
                USER_QUERY,
                {
                    "customers": [numbers[each] for each in touched],
                    "attributes": [json_text.dumps(people[each]).decode() for each in touched],
                },
            )
        return USER_BATCH * USER_BATCHES / (time.perf_counter() - started)
