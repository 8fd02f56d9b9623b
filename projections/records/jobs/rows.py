"""Jobs as rows: what to do, the customers in parts, the place in them, counts.

`api.jobs.asking` makes them, `api.jobs.customers` takes one at a time under a lease, `projections.records.event_store`
moves one on (`record_step`) in the transaction that stores a part's events. What was searched for is kept only until
the customers are found, and the customers only until the job ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from domain.errors import Refused
from domain.jobs.job import JobAction, JobStep, JobTask, NewJob
from domain.texts.language import said
from projections.postgres.arrays import Uuids
from projections.postgres.database import Database, beside

SQL = beside(__file__)
JobState = Literal["running", "done", "canceled", "failed"]
KEPT = timedelta(days=30)


class JobRow(NamedTuple):
    """A job; the four classes sum to the customers that are done. `parts` and `total` are known once they are found."""

    job_id: UUID
    action: JobAction
    segment_id: UUID | None
    attribute: str | None
    value: str | None
    takes_back: UUID | None
    wanted: bytes | None
    started_by: str | None
    state: JobState
    failure_code: str | None
    failure: str | None
    started_at: datetime
    finished_at: datetime | None
    position: int
    parts: int | None
    parts_done: int
    total: int | None
    changed: int
    unchanged: int
    not_found: int
    refused: int

    @property
    def task(self) -> JobTask:
        """What is done to each customer."""
        return JobTask(self.job_id, self.action, self.segment_id, self.attribute, self.value, self.started_by)

    @property
    def done(self) -> int:
        """How many customers it is done for."""
        return self.changed + self.unchanged + self.not_found + self.refused

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return 100 if self.state == "done" else 99 * self.done // max(self.total or 1, 1)


def begin(database: Database, account_id: UUID, job: NewJob) -> None:
    """Store a job for the runner, unless there is one with this id. Sweeps the account's oldest ones."""
    with database.transaction(account_id, read_only=False) as connection:
        store(connection, account_id, job, None)


def store(cursor: Connection[TupleRow] | Cursor[Any], account_id: UUID, job: NewJob, position: int | None) -> None:
    """As `begin`, within a transaction: that of the events up to `position`, if any."""
    fields = job.task._asdict() | {
        "account_id": account_id,
        "wanted": job.wanted,
        "takes_back": job.takes_back,
        "now": job.at,
        "position": position,
    }
    cursor.execute(SQL.sweep, {"account_id": account_id, "expired": job.at - KEPT})
    cursor.execute(SQL.begin, fields)


def by_id(connection: Connection[TupleRow], account_id: UUID, job_id: UUID) -> JobRow | None:
    """The job with this id in this account."""
    row = connection.execute(SQL.by_id, [account_id, job_id]).fetchone()
    return JobRow(*row) if row else None


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    *,
    segment_id: UUID | None,
    running: bool = False,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[JobRow]:
    """A page of jobs, newest first: of one segment or all, those that run or all."""
    started_at, job_id = before or (None, None)
    asked: dict[str, Any] = {"account_id": account_id, "segment_id": segment_id, "running": running}
    asked |= {"started_at": started_at, "job_id": job_id, "limit": limit}
    return [JobRow(*row) for row in connection.execute(SQL.page, asked)]


def count(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID | None) -> int:
    """How many jobs there are of one segment, or in all."""
    row = connection.execute(SQL.count, {"account_id": account_id, "segment_id": segment_id}).fetchone()
    return int(row[0]) if row else 0


def running(database: Database) -> list[tuple[UUID, UUID]]:
    """Account and id of every job that has not ended, the oldest of each account first."""
    with database.spanning() as connection:
        return [(row[0], row[1]) for row in connection.execute(SQL.running)]


def keep_parts(
    database: Database, account_id: UUID, job_id: UUID, parts: Iterable[Sequence[UUID]], position: int
) -> bool:
    """Store the customers of a job, found as of a position; none is in two parts. Returns whether it still runs."""
    number = total = 0
    with database.transaction(account_id, read_only=False) as connection:
        if connection.execute(SQL.lock, [account_id, job_id]).fetchone() is None:
            return False
        for number, ids in enumerate(parts, 1):
            connection.execute(SQL.keep_part, [job_id, number - 1, account_id, Uuids(ids)], binary=True)
            total += len(ids)
        found = {"account_id": account_id, "job_id": job_id, "parts": number, "total": total, "position": position}
        connection.execute(SQL.found, found)
    return True


def part(connection: Connection[TupleRow], account_id: UUID, job_id: UUID, number: int) -> list[UUID]:
    """The customers of a part; none once the job has ended."""
    row = connection.execute(SQL.part, [account_id, job_id, number], binary=True).fetchone()
    return list(row[0]) if row else []


def finish_empty(database: Database, account_id: UUID, job_id: UUID, now: datetime) -> None:
    """End a job for which no customer was found."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.finish_empty, {"account_id": account_id, "job_id": job_id, "now": now})


def cancel(database: Database, account_id: UUID, job_id: UUID, now: datetime) -> None:
    """End a job that runs after the part in progress; what it did stays. Does nothing to one that has ended."""
    _end(database, account_id, job_id, "canceled", None, None, now)


def fail(database: Database, account_id: UUID, job_id: UUID, code: str, reason: str, now: datetime) -> None:
    """End a job that cannot go on; what it did stays."""
    _end(database, account_id, job_id, "failed", code, reason, now)


def _end(
    database: Database, account_id: UUID, job_id: UUID, state: str, code: str | None, reason: str | None, now: datetime
) -> None:
    fields = {"account_id": account_id, "job_id": job_id, "state": state, "code": code, "reason": reason, "now": now}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.end, fields)


def record_step(cursor: Cursor[Any], account_id: UUID, step: JobStep, position: int | None) -> None:
    """Move a job on. Raises `Refused` where it was canceled, or another runner did this part."""
    fields = {
        "account_id": account_id,
        "job_id": step.job_id,
        "part": step.part,
        "position": position,
        "finished_at": step.at if step.is_last else None,
        **asdict(step.counts),
    }
    cursor.execute(SQL.record_step, fields)
    if cursor.rowcount != 1:
        raise Refused("job_ended", said("the job was canceled, or another process did this part"))
    if step.is_last:
        cursor.execute(SQL.drop_parts, [account_id, step.job_id])
