"""What every process of Rollcall is built on: the application on its database, and how it stops.

Called by `deploy.commands` and `deploy.roles`. Imports nothing that only one role needs.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from deploy.settings import Settings
from domain.commands.application import Rollcall
from domain.errors import Unavailable
from projections.postgres.database import Role
from projections.records.event_store import EventStore


@contextmanager
def application(settings: Settings, role: Role, *, size: int = 4) -> Iterator[Rollcall]:
    """Provides the application on the settings' database, acting as the database role `role`."""
    store = EventStore(database_url(settings), role, size=size)
    try:
        yield Rollcall(store, settings.clock().now, timedelta(seconds=settings.clock_skew_seconds))
    finally:
        store.close()


def database_url(settings: Settings) -> str:
    """Returns the database that the process was given or started."""
    assert settings.database_url is not None
    return settings.database_url


def stop_event() -> threading.Event:
    """Returns an event that is set when the process is asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def check_of(waits_for: Unavailable) -> str:
    """Returns the check of `/readyz` that fails while a process waits: `broker`, `registry` or `database`."""
    part = waits_for.code.partition("_")[0]
    return part if part in ("broker", "registry") else "database"
