"""`rollcall api`: the HTTP API, the console and the runners of CSV imports and jobs."""

from __future__ import annotations

import importlib.metadata
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from types import FrameType

import uvicorn

from api.app import create_app
from api.csv_import.runner import ImportWork
from api.http.dependencies import Services
from api.http.shares.limits import WORK_THREADS, LimitFigures, Limits
from api.jobs.customers import JobWork
from api.jobs.runner import AT_ONCE, Runner
from api.reads import ReplicaReads
from consumers.dead_letter_retry import DeadLetterRetry
from deploy.record_reading import record_reader
from deploy.roles.http_connection import ConnectionLimits, connections_within_files, limited_protocol
from deploy.settings import Settings
from deploy.wiring import application, database_url
from projections.postgres.database import Database
from projections.records.installation import secret_of

DOCUMENTS = Path(__file__).parents[1] / "docs"


def run(settings: Settings) -> None:
    """Serve HTTP until asked to stop; the requests and the parts of imports and jobs in progress are finished."""
    limits = Limits(limit_figures(settings))
    # Sessions for work, for streams, for imports, for jobs (each reads, stores and holds its lease at once), and for
    # what is asked before an account is known.
    database = Database(
        database_url(settings), "rollcall_api", size=WORK_THREADS + limits.figures.all_streams + 4 * AT_ONCE + 4
    )
    own_sessions = Database(database_url(settings), "rollcall_api", size=3)
    with (
        replica_reads(settings, database, own_sessions) as replica,
        application(settings, "rollcall_api", size=WORK_THREADS + 2 * AT_ONCE) as rollcall,
    ):
        services = Services(
            rollcall=rollcall,
            database=database,
            secret=secret_of(database),
            version=importlib.metadata.version("rollcall"),
            retry=DeadLetterRetry(rollcall, database, record_reader(settings, settings.clock())),
            metrics_folder=settings.metrics_folder,
            data_folder=settings.home if (settings.home / "postgres").exists() and settings.metrics_folder else None,
            limits=limits,
            own_sessions=own_sessions,
            replica=replica,
            ready_lag=settings.ready_lag_seconds,
            webhook_networks=settings.webhook_networks,
        )
        runners = [
            Runner(ImportWork(rollcall, database), database, services.import_waiting),
            Runner(JobWork(rollcall, database), database, services.job_waiting),
        ]
        app = create_app(services, DOCUMENTS)
        server = Server(
            services.stopping,
            uvicorn.Config(
                app,
                host=settings.http_host,
                port=settings.http_port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                http=limited_protocol(connection_limits(settings)),
                forwarded_allow_ips=list(settings.trusted_proxies),
            ),
        )
        # Once it has ended, uvicorn raises its signal again: that must not end us before the runners have stopped.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        # Threads that compute give way to the event loop, and to each other, ten times sooner than by default.
        sys.setswitchinterval(0.0005)
        for runner in runners:
            runner.start()
        Thread(target=app.state.pages.compile_first, name="templates", daemon=True).start()
        server.run()
        for runner in runners:
            runner.stop()
    own_sessions.close()
    database.close()


class Server(uvicorn.Server):
    """A server that says when it begins to end, so that answers without an end do not hold it up."""

    def __init__(self, stopping: Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._stopping.set()
        super().handle_exit(sig, frame)


@contextmanager
def replica_reads(settings: Settings, primary: Database, quick_primary: Database) -> Iterator[ReplicaReads | None]:
    """Yields the reads of the replica, where one is set."""
    if settings.read_database_url is None:
        yield None
        return
    size = WORK_THREADS + limit_figures(settings).all_streams + 4
    replica = Database(settings.read_database_url, "rollcall_api", size=size, wait=1.0)
    quick = Database(settings.read_database_url, "rollcall_api", size=2, wait=1.0)
    reads = ReplicaReads(
        replica,
        quick,
        primary,
        quick_primary,
        fall_back=settings.read_fallback == "primary",
        lag_limit=settings.read_lag_seconds,
    )
    reads.start()
    yield reads
    reads.close()
    quick.close()
    replica.close()


def limit_figures(settings: Settings) -> LimitFigures:
    """Returns the limits of keys and accounts that are set."""
    return LimitFigures(
        key_requests=settings.limit_key_requests,
        account_requests=settings.limit_account_requests,
        console_requests=settings.limit_console_requests,
        lines=settings.limit_lines,
        concurrent=settings.limit_concurrent,
        queued=settings.limit_queued,
        waiting=settings.limit_waiting,
        edits=settings.limit_edits,
        scans=settings.limit_scans,
        streams=settings.limit_streams,
        stream_seconds=settings.http_answer_seconds,
    )


def connection_limits(settings: Settings) -> ConnectionLimits:
    """Returns the limits of connections that are set, within the files that this process may open."""
    return ConnectionLimits(
        most=connections_within_files(settings.http_connections),
        header_seconds=settings.http_header_seconds,
        body_seconds=settings.http_body_seconds,
        answer_seconds=settings.http_answer_seconds,
    )
