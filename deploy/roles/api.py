"""`rollcall api`: the HTTP API, the console and the runner of CSV imports."""

from __future__ import annotations

import importlib.metadata
import signal
from pathlib import Path

import uvicorn

from api.app import create_app
from api.csv_import.runner import ImportRunner
from api.http.dependencies import Services
from consumers.dead_letter_retry import DeadLetterRetry
from deploy.settings import Settings
from deploy.wiring import application, database_url
from projections.postgres.database import Database
from projections.records.installation import secret_of

DOCUMENTS = Path(__file__).parents[1] / "docs"


def run(settings: Settings) -> None:
    """Serve HTTP until asked to stop; the requests and the chunk of an import in progress are finished."""
    database = Database(database_url(settings), "rollcall_api", size=16)
    with application(settings, "rollcall_api", size=12) as rollcall:
        services = Services(
            rollcall=rollcall,
            database=database,
            secret=secret_of(database),
            version=importlib.metadata.version("rollcall"),
            retry=DeadLetterRetry(rollcall, database, settings.clock()),
            metrics_folder=settings.metrics_folder,
            data_folder=settings.home if (settings.home / "postgres").exists() and settings.metrics_folder else None,
            ready_lag=settings.ready_lag_seconds,
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
