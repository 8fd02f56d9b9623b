"""What an account's people want to know of how it goes: imports, segments in work, and what time is about to do.

Used by the console's Health page. What is timed is asked as the projection worker asks it, of the same filters.
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
from domain.filters.conditions import Node, parse
from domain.filters.nesting import Reference
from domain.moments import from_micros, micros
from projections.model import time_flips
from projections.model.account_state import AccountState
from projections.postgres.database import beside
from projections.read import accounts

SQL = beside(__file__)


class RunningImport(NamedTuple):
    """A CSV that is being taken in; `segment` is `None` where it was deleted meanwhile."""

    import_id: UUID
    segment_id: UUID
    segment: str | None
    file_name: str
    lines: int
    percent: int
    started_at: datetime


class PendingSegment(NamedTuple):
    """A segment that is being recomputed, or failed for a reason."""

    segment_id: UUID
    name: str
    failure: str | None
    since: datetime | None


class NextTimeFlip(NamedTuple):
    """When time may flip something next (`None`: never), and whether that instant has passed without a flip."""

    due_at: datetime | None
    overdue: bool


def running_imports(connection: Connection[TupleRow], account_id: UUID) -> list[RunningImport]:
    """The imports that are not finished, oldest first."""
    return [RunningImport(*row) for row in connection.execute(SQL.running_imports, {"account_id": account_id})]


def pending_segments(connection: Connection[TupleRow], account_id: UUID, *, limit: int) -> list[PendingSegment]:
    """The segments that failed, then those being recomputed."""
    found = connection.execute(SQL.pending_segments, {"account_id": account_id, "limit": limit})
    return [PendingSegment(*row) for row in found]


def next_time_flip(connection: Connection[TupleRow], account_id: UUID, now: datetime) -> NextTimeFlip:
    """What time does next in an account."""
    days, passed_to = accounts.calendar(connection, account_id)
    account = AccountState(account_id, days, micros(passed_to))
    account.time.add_all(_moving(connection, account_id))
    if not account.time:
        return NextTimeFlip(None, False)
    overdue = time_flips.is_due(connection, account, micros(now))
    due = account.due_at if account.due_at is not None else time_flips.next_due(connection, account)
    return NextTimeFlip(None, False) if due == time_flips.NEVER else NextTimeFlip(from_micros(due), overdue)


def _moving(connection: Connection[TupleRow], account_id: UUID) -> Iterator[tuple[int, Node]]:
    """The filters that time may flip, written out; one that cannot be read has failed, and its segment says so."""
    types = accounts.types(connection, account_id)
    for version_no, raw in connection.execute(SQL.timed_filters, {"account_id": account_id}).fetchall():
        try:
            yield version_no, parse(json_text.loads(raw), types, segments=_a_list, limited=False)
        except Invalid:
            continue


def _a_list(segment_id: str) -> Reference:
    """In a filter that is written out, only lists still stand by name."""
    return Reference(segment_id, "static", None)
