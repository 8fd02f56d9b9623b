"""A whole Rollcall in one process for tests: a database of its own, the application, a projection worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from httpx import Client
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict

from api.csv_import.runner import ImportWork
from api.http.dependencies import Services
from api.jobs.customers import JobWork
from api.jobs.runner import Runner, Work
from consumers.dead_letter_retry import DeadLetterRetry
from consumers.topic_formats import RecordReader
from domain.account import KeyKind
from domain.commands.application import Rollcall
from domain.commands.log import Saved
from domain.people import new_token
from projections.postgres.database import Database, worker_sessions
from projections.read.position import filters_in_work, progress
from projections.records import people, sessions
from projections.records.event_store import EventStore
from projections.records.installation import secret_of
from projections.worker.freshness import Freshness
from projections.worker.log_writer import LiveWriter, ReplayingWriter
from projections.worker.shards.event_reader import listen
from projections.worker.worker import Worker
from tests.support.clock import machine_now
from tests.support.http_client import http_client
from tests.support.http_server import served

READ_ONCE = {"max_body", "max_import"}
# How often a worker beside a test looks for what no event announces: that the clock has moved, that it is to stop.
LOOK_AGAIN = 0.02  # seconds
FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Installation:
    """One log with its API and console. Only `project`, or the worker of `projecting`, moves the read models."""

    url: str
    now: Callable[[], datetime] = machine_now
    rollcall: Rollcall = field(init=False)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self._api_store = EventStore(self.url, "rollcall_api")
        self._worker_store = EventStore(self.url, "rollcall_worker", size=2)
        self.rollcall = Rollcall(self._api_store, self.now)
        self._spanning = Rollcall(self._worker_store, self.now)
        self.database = Database(self.url, "rollcall_api", wait=1.0)
        self._projecting = False

    def context(self, **figures: Any) -> Services:
        retry = DeadLetterRetry(self.rollcall, self.database, RecordReader(self))
        return Services(self.rollcall, self.database, secret_of(self.database), "0.0.0", retry, **figures)

    def from_machine(self, milliseconds: int) -> int:
        """What a record's timestamp means: the clocks of tests are not shifted."""
        return milliseconds

    @contextmanager
    def serving(self, **figures: Any) -> Iterator[str]:
        """The address of the HTTP application; figures that it reads only when it is made get it one of its own."""
        with served(self.context(**figures), shared=not READ_ONCE & set(figures)) as address:
            yield address

    @contextmanager
    def open_api(self, key: str | None = None, **figures: Any) -> Iterator[Client]:
        """A client of the HTTP API; without a key it sends none. A worker beside it has caught up."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        if key is not None and self._projecting:
            self.catch_up()
        with self.serving(**figures) as address, http_client(address, headers=headers) as client:
            yield client

    @contextmanager
    def open_console(self, account_id: UUID, **figures: Any) -> Iterator[Client]:
        """A client that is signed in to the console of an account; it does not follow redirects."""
        with self.open_api(**figures) as client:
            client.headers.update(FROM_OUR_PAGE)
            self.sign_in(client, account_id)
            yield client

    def sign_in(self, client: Client, account_id: UUID, to: str = "/console/overview") -> None:
        """Sign a client in as the account's first person, which leads to the page `to`."""
        assert client.post(self.owner_link(account_id), headers=FROM_OUR_PAGE).headers["location"] == to

    def owner_link(self, account_id: UUID) -> str:
        """The path of a one-time link for the account's first person."""
        return self.link(people.first_person(self.database, account_id, self.now()), account_id)

    def link(self, person_id: UUID, account_id: UUID) -> str:
        """The path of a one-time link for a person."""
        token = new_token()
        sessions.make_link(self.database, account_id, person_id, token.sha256, self.now())
        return f"/console/sign-in/{token.text}"

    def account(self, name: str = "default", country: str = "PT", timezone: str = "Europe/Lisbon") -> UUID:
        return self.rollcall.accounts.create(name, timezone, country).id

    def key(self, account_id: UUID, kind: KeyKind = "admin") -> str:
        return self.rollcall.keys.create(account_id, f"{kind} key", kind).key

    def owner(self) -> Connection[Any]:
        """A session that sees every row."""
        return psycopg.connect(self.url, autocommit=True, options="-c search_path=rollcall_model,rollcall")

    def project(self) -> None:
        """Bring the read models up to the log. Two workers get in each other's way: beside one, `catch_up`."""
        assert not self._projecting, "a worker runs beside the test"
        with self.worker() as worker:
            worker.drain()

    @contextmanager
    def projecting(self) -> Iterator[None]:
        """A worker beside the test, caught up before it begins; an error in it fails the test."""
        self.project()
        self._projecting = True
        stop = threading.Event()
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with self.worker() as worker:
                    listen(worker.connection, worker.reader.shards)
                    while not stop.is_set():
                        if not worker.step():
                            for _ in worker.connection.notifies(timeout=LOOK_AGAIN, stop_after=1):
                                break
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=work, name="worker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            self._projecting = False
        if failures:
            raise failures[0]

    def catch_up(self) -> None:
        """Wait until the worker beside the test has the whole log in the read models."""
        deadline = time.monotonic() + 30
        while (standing := progress(self.database))[0] < standing[1]:
            assert time.monotonic() < deadline, "the worker does not catch up"
            time.sleep(0.005)

    def computed(self, account_id: UUID, saved: Saved) -> None:
        """Wait until the worker beside the test serves a segment by the filter that it was saved with."""
        deadline = time.monotonic() + 30
        while not self._serves(account_id, saved):
            assert time.monotonic() < deadline, "the segment is not computed"
            time.sleep(0.005)

    def _serves(self, account_id: UUID, saved: Saved) -> bool:
        position, in_work = filters_in_work(self.database, account_id, [saved.id])
        return position >= saved.position < in_work.get(saved.id, saved.position + 1)

    def run_imports(self) -> None:
        """Run every import that waits, to its end."""
        self._run(ImportWork(self.rollcall, self.database))

    def run_jobs(self) -> None:
        """Run every job that waits, to its end."""
        self._run(JobWork(self.rollcall, self.database))

    def _run(self, work: Work) -> None:
        runner = Runner(work, self.database, threading.Event())
        while runner.run_next():
            continue

    def close(self) -> None:
        self._api_store.close()
        self._worker_store.close()
        self.database.close()

    @contextmanager
    def database_unavailable(self) -> Iterator[None]:
        """The server refuses connections to this database and ends those that exist."""
        database = str(conninfo_to_dict(self.url)["dbname"])
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(allow.format(sql.Identifier(database), sql.SQL("false")))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [database]
            )
            try:
                yield
            finally:
                connection.execute(allow.format(sql.Identifier(database), sql.SQL("true")))

    @contextmanager
    def database_read_only(self) -> Iterator[None]:
        """The database takes no writes, as after a failover to a standby, and ends the sessions that exist."""
        database = str(conninfo_to_dict(self.url)["dbname"])
        change = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        end_sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(change.format(sql.Identifier(database), sql.SQL("on")))
            connection.execute(end_sessions, [database])
            try:
                yield
            finally:
                connection.execute(change.format(sql.Identifier(database), sql.SQL("off")))
                connection.execute(end_sessions, [database])

    @contextmanager
    def worker(self, *, live: bool = True) -> Iterator[Worker]:
        """A worker that the test steps; one that is not live only replays: it fills versions and never switches."""
        with worker_sessions(self.url) as sessions:
            writer = LiveWriter(self._spanning.worker_events) if live else ReplayingWriter()
            freshness = Freshness(sessions.writing, self.now) if live else None
            worker = Worker(sessions, writer, freshness=freshness)
            worker.load()
            yield worker
