"""One home has one owner at a time, and other commands find the owner's services.

The file `instance` in the home is locked by the owner for as long as it lives, in whichever way it ends. It holds where
the owner's services are, so that a command in another process (`verify`, `key create`) reaches them; when no process
owns the home, such a command starts the database for as long as it needs it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.embedded.postgres import Postgres
from deploy.embedded.supervised import StartupError
from deploy.settings import Settings

SHARED = ("database_url", "kafka_bootstrap_servers", "http_port", "clock_offset")
PATIENCE = 600.0


class InUseError(StartupError):
    """Another process owns the home."""


class Instance:
    """The ownership of a home."""

    def __init__(self, home: Path) -> None:
        """Take the home, after creating it where it does not exist. Raises `StartupError`."""
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(home / "instance", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StartupError(
                f"The data folder {home} cannot be used ({reason}); set ROLLCALL_HOME to one that can be written."
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InUseError(
                f"The data folder {home} is in use by another Rollcall; stop it or set ROLLCALL_HOME to another folder."
            ) from None
        os.ftruncate(self._file, 0)

    def publish(self, settings: Settings) -> None:
        """Write down for other commands where the services are."""
        record = {"pid": os.getpid()} | {name: getattr(settings, name) for name in SHARED}
        os.pwrite(self._file, json.dumps(record).encode(), 0)

    def close(self) -> None:
        """Give the home up."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


@contextmanager
def claim(home: Path) -> Iterator[Instance]:
    """Own the home during the block. Raises `InUseError`."""
    instance = Instance(home)
    try:
        yield instance
    finally:
        instance.close()


@contextmanager
def reach(settings: Settings, prepare: Callable[[str], None]) -> Iterator[Settings]:
    """Provides settings with a database: the given one, the running instance's, or one started and prepared here."""
    if settings.database_url is not None:
        yield settings
        return
    owned = _own_or_join(settings)
    if isinstance(owned, Settings):
        yield owned
        return
    postgres = Postgres(settings.home)
    try:
        postgres.start()
        prepare(postgres.url)
        reached = settings.model_copy(update={"database_url": postgres.url})
        owned.publish(reached)
        yield reached
    finally:
        postgres.stop()
        owned.close()


def _own_or_join(settings: Settings) -> Instance | Settings:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return Instance(settings.home)
        except InUseError:
            if shared := _published(settings.home):
                return settings.model_copy(update=shared)
            if time.monotonic() > deadline:
                raise
        # The owner is still starting.
        time.sleep(0.05)


def _published(home: Path) -> dict[str, object] | None:
    with suppress(OSError, ValueError, KeyError):
        record = json.loads((home / "instance").read_text())
        # The file of an owner that was killed keeps its content until the next owner empties it.
        os.kill(record["pid"], 0)
        return {name: record[name] for name in SHARED}
    return None
