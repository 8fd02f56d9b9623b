"""The stage of a benchmark: one PostgreSQL of our own, a migrated database for each section, and loading.

Rates are printed beside what they are compared with, measured in the same run on the same server.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.embedded.postgres import Postgres
from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.migrate import migrate
from projections.postgres.database import WorkerSessions, worker_sessions
from projections.records.event_store import EventStore
from projections.worker.log_writer import LiveWriter
from projections.worker.worker import Worker
from tests.performance import workload

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Stage:
    """One database with one account."""

    url: str
    rollcall: Rollcall
    account_id: UUID
    worker: Worker

    def project(self) -> None:
        """Let the worker catch up with the log, completing what is being recomputed."""
        while self.worker.step():
            continue

    def longest_step(self) -> float:
        """Let the worker catch up. Returns the seconds of its longest step, for which others wait."""
        longest, more = 0.0, True
        while more:
            started = time.perf_counter()
            more = self.worker.step()
            longest = max(longest, time.perf_counter() - started)
        return longest

    def load_customers(self, people: Sequence[dict[str, Any]], batch: int = 5_000) -> None:
        """Create customers `c0`, `c1`, … through the application and project them."""
        for start in range(0, len(people), batch):
            self.rollcall.customers.change(
                self.account_id,
                [change_of(start + place, each) for place, each in enumerate(people[start : start + batch])],
            )
        self.project()

    def create_segments(self, filters: Iterable[list[dict[str, Any]]]) -> list[UUID]:
        """Create a dynamic segment for each filter and let the worker fill them."""
        ids = [
            self.rollcall.segments.create(self.account_id, SegmentDraft(f"segment {place}", "", "dynamic", raw)).id
            for place, raw in enumerate(filters)
        ]
        self.project()
        return ids

    @contextmanager
    def owner(self) -> Iterator[Connection[Any]]:
        """A session of the owner that sees the read model."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET search_path = rollcall_model, rollcall")
            yield connection


@contextmanager
def stage(server: Postgres) -> Iterator[Stage]:
    """A fresh database with an account that knows the workload's attributes."""
    url = database(server, "template1")
    migrate(url)
    with stage_on(url, None) as made:
        for key, kind in workload.TYPES.items():
            made.rollcall.attributes.declare(made.account_id, key, kind, None)
        made.project()
        yield made


@contextmanager
def stage_on(url: str, account_id: UUID | None) -> Iterator[Stage]:
    """A database that is there already; with the account that it has, or a new one."""
    ticks = itertools.count()
    store = EventStore(url, "rollcall_worker", size=2)
    rollcall = Rollcall(store, lambda: START + timedelta(milliseconds=next(ticks)))
    account_id = account_id or rollcall.accounts.create("bench", "UTC", "PT").id
    with worker_sessions(url) as sessions:
        worker = Worker(sessions, LiveWriter(rollcall.worker_events))
        worker.load()
        yield Stage(url, rollcall, account_id, worker)
    store.close()


@contextmanager
def copy_of(server: Postgres, loaded: Stage) -> Iterator[WorkerSessions]:
    """A worker's sessions on a copy of a database that is no longer used; dropped afterwards."""
    url = database(server, str(conninfo_to_dict(loaded.url)["dbname"]))
    with worker_sessions(url) as sessions:
        yield sessions
    drop(server, url)


def drop(server: Postgres, url: str) -> None:
    """Remove a database that is not needed any more."""
    name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {}").format(name))


def database(server: Postgres, template: str) -> str:
    """The address of a new database that is a copy of another one."""
    name = f"bench_{uuid4().hex[:12]}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        admin.execute("CHECKPOINT")
    return make_conninfo(server.url, dbname=name)


def change_of(number: int, attributes: dict[str, Any]) -> CustomerChange:
    """A change of customer `c<number>`."""
    data = CustomerData(attributes=attributes)
    return CustomerChange(f"c{number}", "changed", START, data)


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def say(text: str) -> None:
    """A line of the report."""
    print(text, flush=True)
