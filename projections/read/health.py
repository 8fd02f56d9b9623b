"""The state of an account: running imports, pending segments, and when time changes members next.

Used by the console's Health page. The next time flip is computed as the projection worker does, from the same filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.errors import Invalid
from domain.filters.behaviour.reading import Behaviour
from domain.filters.conditions import Node
from domain.filters.nesting import Reference
from domain.filters.parsing import parse
from domain.instants import from_micros, micros
from domain.phones import phone_reader
from projections.model import time_flips
from projections.model.account_state import AccountState
from projections.postgres.database import beside
from projections.read import accounts

SQL = beside(__file__)


class RunningImport(NamedTuple):
    """A CSV that is being imported; `segment` is `None` if it was deleted meanwhile."""

    import_id: UUID
    segment_id: UUID
    segment: str | None
    file_name: str
    lines: int
    percent: int
    started_at: datetime


class PendingSegment(NamedTuple):
    """A segment that is being recomputed (`since`), or whose filter failed (`failure`)."""

    segment_id: UUID
    name: str
    failure: str | None
    since: datetime | None


class NextTimeFlip(NamedTuple):
    """When time may next change a membership (`None`: never), and whether the worker is late for it."""

    due_at: datetime | None
    overdue: bool


def running_imports(connection: Connection[TupleRow], account_id: UUID) -> list[RunningImport]:
    """Returns the imports that are not finished, oldest first."""
    return [RunningImport(*row) for row in connection.execute(SQL.running_imports, {"account_id": account_id})]


def pending_segments(connection: Connection[TupleRow], account_id: UUID, *, limit: int) -> list[PendingSegment]:
    """Returns the segments that failed, then those being recomputed."""
    found = connection.execute(SQL.pending_segments, {"account_id": account_id, "limit": limit})
    return [PendingSegment(*row) for row in found]


def next_time_flip(connection: Connection[TupleRow], account_id: UUID, now: datetime) -> NextTimeFlip:
    """Returns when time may next change a membership in an account."""
    days, passed_to = accounts.calendar(connection, account_id)
    account = AccountState(account_id, days, accounts.country(connection, account_id), micros(passed_to))
    account.time.add_all(_moving(connection, account_id))
    if not account.time:
        return NextTimeFlip(None, False)
    overdue = time_flips.is_due(connection, account, micros(now))
    due = account.due_at if account.due_at is not None else time_flips.next_due(connection, account)
    return NextTimeFlip(None, False) if due == time_flips.NEVER else NextTimeFlip(from_micros(due), overdue)


def _moving(connection: Connection[TupleRow], account_id: UUID) -> Iterator[tuple[int, Node]]:
    """Yields the filters that time may flip; one that cannot be parsed is skipped: its segment shows the failure."""
    known = Behaviour(accounts.activities(connection, account_id))
    types, read_phone = accounts.types(connection, account_id), phone_reader(accounts.country(connection, account_id))
    for version_no, raw in connection.execute(SQL.timed_filters, {"account_id": account_id}).fetchall():
        try:
            filter_json = json_text.loads(raw)
            yield (
                version_no,
                parse(filter_json, types, known, read_phone=read_phone, segments=_static_reference, stored=True),
            )
        except Invalid:
            continue


def _static_reference(segment_id: str) -> Reference:
    """A filter with its segments written out refers to static segments only."""
    return Reference(segment_id, "static", None)
