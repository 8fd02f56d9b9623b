"""The composition root: builds the objects of each process from the settings and hands them down.

Called by `deploy.main` and by `deploy.embedded.process_tree`. Long-running roles work until SIGTERM or
SIGINT and then finish the batch or request in progress.
"""

from __future__ import annotations

import gc
import importlib.metadata
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from uuid import UUID

import uvicorn

from api.app import create_app
from api.console.web.rendering import CONSOLE_PATH
from api.csv_import.runner import ImportRunner
from api.http.dependencies import Services
from consumers.dead_letter_publisher import DeadLetterPublisher
from consumers.dead_letter_retry import DeadLetterRetry
from consumers.ingest import Ingest
from consumers.kafka import Source
from consumers.membership_publisher import MembershipPublisher
from deploy import demo, metrics_exposure
from deploy.settings import NO_KAFKA, Settings
from domain.account import account_id_of
from domain.commands.application import Rollcall
from domain.errors import Invalid, NotFound, Refused
from domain.people import checked_email, checked_name, new_token
from projections.migrate import migrate as migrate_database
from projections.postgres.database import Database, Role
from projections.records import people, sessions
from projections.records.event_store import EventStore
from projections.records.installation import secret_of
from projections.worker import verify as verification
from projections.worker.rebuild import rebuild as rebuild_model
from projections.worker.runner import Retention, run_worker

DEFAULT_ACCOUNT = "default"
DOCUMENTS = Path(__file__).with_name("docs")


@contextmanager
def application(settings: Settings, role: Role, *, size: int = 4) -> Iterator[Rollcall]:
    """Provides the application on the settings' database, acting as the database role `role`."""
    store = EventStore(_url(settings), role, size=size)
    try:
        yield Rollcall(store, settings.clock().now)
    finally:
        store.close()


def migrate(owner_url: str) -> None:
    """Bring the schemas to this version; concurrent calls wait for each other."""
    migrate_database(owner_url)


def bootstrap(settings: Settings) -> str | None:
    """On an empty database create account `default` and its admin key; return the key only if it was generated now.

    Killed between the two, the next start makes the key that is missing.
    """
    given = settings.bootstrap_api_key.get_secret_value() if settings.bootstrap_api_key else None
    account_id = account_id_of(DEFAULT_ACCOUNT)
    with application(settings, "rollcall_worker") as rollcall:
        try:
            rollcall.accounts.create(DEFAULT_ACCOUNT, settings.bootstrap_timezone, settings.bootstrap_country)
        except Refused:
            if rollcall.accounts.require(account_id).version > 1:
                return None
        made = rollcall.keys.create(account_id, "bootstrap", "admin", given)
    return None if given else made.key


def console_link(settings: Settings, account: str = DEFAULT_ACCOUNT, email: str | None = None) -> str:
    """Returns a one-time link for the account's first person, or the one with `email`. Raises `NotFound`."""
    account_id = _account(settings, account)
    now, token = settings.clock().now(), new_token()
    with _people(settings) as database:
        if email is None:
            person_id = people.first_person(database, account_id, now)
        else:
            person = people.find_by_email(database, account_id, email)
            if person is None:
                raise NotFound(
                    "person_not_found",
                    f"no user of account {account!r} has the e-mail address {email!r}; add them with: person create",
                )
            person_id = person.person_id
        sessions.make_link(database, account_id, person_id, token.sha256, now)
    return f"{settings.http_url}{CONSOLE_PATH}/sign-in/{token.text}"


def create_person(settings: Settings, email: str, *, account: str, name: str) -> str:
    """Add a person to an account; return the one-time link with which they choose their password.

    Raises `Invalid`, `NotFound`, `Refused`.
    """
    name, email = checked_name(name), checked_email(email)
    account_id = _account(settings, account)
    with _people(settings) as database:
        people.add(database, account_id, name=name, email=email, now=settings.clock().now())
    return console_link(settings, account, email)


def run_ingest(settings: Settings) -> None:
    """Ingest Kafka's records until asked to stop."""
    _collect_garbage_rarely()
    if settings.kafka is None:
        raise Invalid("no_kafka", "Set ROLLCALL_KAFKA_BOOTSTRAP_SERVERS to a Kafka's address for `rollcall ingest`.")
    metrics_exposure.serve(settings)
    database = Database(_url(settings), "rollcall_worker", size=3)
    accounts = {topic: account_id_of(name) for topic, name in settings.kafka_topics.items()}
    clock = settings.clock()
    with application(settings, "rollcall_worker") as rollcall:
        source = Source(settings.kafka, list(accounts), rollcall.customers.tracked_offset, group=settings.kafka_group)
        dead_letters = DeadLetterPublisher(database, settings.kafka, clock.now)
        memberships = MembershipPublisher(database, settings.kafka)
        memberships.start()
        try:
            Ingest(rollcall.customers, source, accounts, dead_letters, clock, _stop_event()).run()
        finally:
            memberships.close()
    database.close()


def run_project(settings: Settings) -> None:
    """Keep the read models up to date until asked to stop."""
    _collect_garbage_rarely()
    metrics_exposure.serve(settings)
    with application(settings, "rollcall_worker", size=1) as rollcall:
        retention = Retention(settings.changes_kept_days, settings.kafka_bootstrap_servers != NO_KAFKA)
        run_worker(_url(settings), rollcall.worker_events, _stop_event(), retention)


def run_api(settings: Settings) -> None:
    """Serve HTTP until asked to stop."""
    _collect_garbage_rarely()
    database = Database(_url(settings), "rollcall_api", size=16)
    with application(settings, "rollcall_api", size=12) as rollcall:
        services = Services(
            rollcall=rollcall,
            database=database,
            secret=secret_of(database),
            version=importlib.metadata.version("rollcall"),
            retry=DeadLetterRetry(rollcall, database, settings.clock()),
            metrics_folder=settings.metrics_folder,
        )
        runner = ImportRunner(rollcall, database, services.import_waiting)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(services, DOCUMENTS),
                host=settings.http_host,
                port=settings.http_port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
        # Once it has ended, uvicorn raises its signal again: that must not end us before the imports have stopped.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        runner.start()
        server.run()
        runner.stop()
    database.close()


def fill_demo(settings: Settings) -> int:
    """Fill the default account with the sample; return the position in the log where it ends."""
    with application(settings, "rollcall_worker") as rollcall:
        demo.fill(rollcall, account_id_of(DEFAULT_ACCOUNT))
        return rollcall.head()


def run_demo(settings: Settings) -> None:
    """Change the sample's customers until asked to stop."""
    with application(settings, "rollcall_worker") as rollcall:
        demo.keep_changing(rollcall, account_id_of(DEFAULT_ACCOUNT), _stop_event())


def create_account(settings: Settings, name: str, *, timezone: str, country: str) -> str:
    """Create an account; return its id."""
    with application(settings, "rollcall_worker") as rollcall:
        return str(rollcall.accounts.create(name, timezone, country).id)


def create_key(settings: Settings, *, account: str, name: str, kind: Literal["admin", "read", "write"]) -> str:
    """Create an API key; return it, for the only time."""
    with application(settings, "rollcall_worker") as rollcall:
        try:
            return rollcall.keys.create(account_id_of(account), name, kind).key
        except NotFound:
            raise NotFound("account_not_found", f"there is no account called {account!r}") from None


def verify(settings: Settings) -> Iterator[str]:
    """Compare every membership with a from-scratch evaluation; one line per difference."""
    return verification.verify(_url(settings))


def rebuild(settings: Settings) -> None:
    """Replay the log into fresh tables and switch to them."""
    rebuild_model(_url(settings))


def _account(settings: Settings, name: str) -> UUID:
    with application(settings, "rollcall_worker", size=1) as rollcall:
        try:
            return rollcall.accounts.require(account_id_of(name)).account_id
        except NotFound:
            raise NotFound("account_not_found", f"there is no account called {name!r}") from None


@contextmanager
def _people(settings: Settings) -> Iterator[Database]:
    database = Database(_url(settings), "rollcall_worker", size=1)
    try:
        yield database
    finally:
        database.close()


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


def _stop_event() -> threading.Event:
    """Returns an event that is set when the process is asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _collect_garbage_rarely() -> None:
    """Run the garbage collector rarely.

    A batch, or a chunk of an import, creates hundreds of thousands of small objects and no cycles; looking for cycles
    took a fifth of its time.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
