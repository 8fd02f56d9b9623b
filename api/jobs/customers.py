"""What the runner does for a job: finds its customers as of one position, then does the task for some after the other.

After each part it waits, not for long, until the read models have the part before: the worker has at most two parts of
a job to catch up on, and the members that a person sees keep pace with the progress.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from threading import Event
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter

from domain import json_text
from domain.commands.application import Rollcall
from domain.errors import NotFound, Refused, RollcallError, Unavailable
from domain.filters.customer_search import CustomerSearch, parse_customer_search
from domain.jobs.job import PART, JobPart
from projections.postgres.database import Database
from projections.read.position import positions
from projections.read.searches.found import ids, prepare
from projections.records.jobs import rows
from projections.records.jobs.rows import JobRow

PACE_SECONDS, LOOK_AGAIN = 2.0, 0.02
# How many customers are looked up at a time, as parts of a whole number.
AT_A_TIME = 20 * PART
CUSTOMERS = Counter("rollcall_job_customers_total", "Customers of jobs, by result.", ["result"])
JOBS = Counter("rollcall_jobs_total", "Jobs that ended.", ["state"])
log = structlog.get_logger(__name__)


class JobWork:
    """The jobs of all accounts, as `api.jobs.runner.Work`."""

    name = "job"

    def __init__(self, rollcall: Rollcall, database: Database) -> None:
        self._rollcall = rollcall
        self._database = database

    def waiting(self) -> list[tuple[UUID, UUID]]:
        """Account and id of every job that has not ended."""
        return rows.running(self._database)

    def run(self, connection: Any, account_id: UUID, work_id: UUID, stopping: Event) -> bool:
        """Run a job to its end. Returns False where it has ended, or the read models are not as far as it."""
        row = rows.by_id(connection, account_id, work_id)
        if row is None or row.state != "running":
            return False
        try:
            if row.parts is None:
                if not self._find_customers(account_id, row):
                    return False
                row = rows.by_id(connection, account_id, work_id)
            if row is not None and row.parts is not None:
                self._do_parts(connection, account_id, row, row.parts, stopping)
        except Unavailable:
            raise
        except NotFound:
            self._fail(account_id, work_id, "segment_deleted", "the segment was deleted; what was done stays")
        except Refused as refused:
            if refused.code != "job_ended":
                self._fail(account_id, work_id, refused.code, refused.detail)
        except RollcallError as wrong:
            self._fail(account_id, work_id, wrong.code, wrong.detail)
        return True

    def fail(self, account_id: UUID, work_id: UUID) -> None:
        """End a job that failed by a bug each time."""
        self._fail(account_id, work_id, "internal_error", "an unexpected error; what was done stays")

    def _find_customers(self, account_id: UUID, row: JobRow) -> bool:
        """Stores the customers of a job. Returns False while the read models lack what was there when it was begun."""
        with ExitStack() as opened:
            if row.takes_back is not None:
                found: Iterable[Sequence[UUID]] = self._rollcall.jobs.customers_of_change(account_id, row.takes_back)
                position = row.position
            else:
                asked = json_text.loads(row.wanted or b"{}")
                if "ids" in asked:
                    found, position = _in_parts([UUID(each) for each in asked["ids"]]), row.position
                else:
                    self._keep_pace(account_id, row.position)
                    snapshot, position = opened.enter_context(self._database.snapshot(account_id))
                    if position < row.position:
                        return False
                    found = self._matching(snapshot, account_id, parse_customer_search(asked["search"]))
            if not rows.keep_parts(self._database, account_id, row.job_id, found, position):
                return True
        rows.finish_empty(self._database, account_id, row.job_id, self._rollcall.now())
        return True

    def _matching(self, snapshot: Any, account_id: UUID, search: CustomerSearch) -> Iterator[Sequence[UUID]]:
        node = None if search.filter is None else self._rollcall.segments.parse_filter(account_id, search.filter)
        wanted = prepare(snapshot, account_id, search, node, self._rollcall.now())
        before = None
        while some := ids(snapshot, wanted, before=before, limit=AT_A_TIME):
            yield from _in_parts([customer_id for _, customer_id in some])
            before = some[-1][0]

    def _do_parts(self, connection: Any, account_id: UUID, row: JobRow, parts: int, stopping: Event) -> None:
        before = 0
        for number in range(row.parts_done, parts):
            members = rows.part(connection, account_id, row.job_id, number)
            if not members:
                return
            part = JobPart(number, members, number == parts - 1)
            step = self._rollcall.jobs.do_part(account_id, row.task, part)
            for result in ("changed", "unchanged", "not_found", "refused"):
                CUSTOMERS.labels(result).inc(getattr(step.counts, result))
            if part.is_last:
                JOBS.labels("done").inc()
                log.info("job_done", job_id=str(row.job_id), action=row.action, customers=row.total)
            if stopping.is_set():
                return
            self._keep_pace(account_id, before)
            before = self._rollcall.head()

    def _keep_pace(self, account_id: UUID, wanted: int) -> None:
        deadline = time.monotonic() + PACE_SECONDS
        while positions(self._database, [account_id]).get(account_id, 0) < wanted and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)

    def _fail(self, account_id: UUID, job_id: UUID, code: str, reason: str) -> None:
        rows.fail(self._database, account_id, job_id, code, reason, self._rollcall.now())
        JOBS.labels("failed").inc()
        log.warning("job_failed", job_id=str(job_id), code=code)


def _in_parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + PART] for start in range(0, len(ids), PART))
