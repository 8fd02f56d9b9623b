"""A streaming replica of a test's PostgreSQL, made by PostgreSQL's own programs from the embedded wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from deploy.embedded.binaries import binaries_for
from deploy.embedded.postgres import Postgres
from deploy.embedded.supervised import User, free_port
from tests.support.running_product import eventually


class Replica:
    """A server that replays what the primary writes."""

    def __init__(self, primary: Postgres, data: Path) -> None:
        owner = data.parent.stat()
        is_root = os.geteuid() == 0
        self._as_user: dict[str, Any] = (
            {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if is_root else {}
        )
        self._programs = binaries_for(User(owner.st_uid, owner.st_gid) if is_root else None)
        self._data = data
        self._port = free_port()
        self.url = make_conninfo(primary.url, port=self._port)
        self._run("pg_basebackup", "-d", primary.url, "-D", str(data), "-R", "-X", "stream", "-c", "fast")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = (f"port={self._port}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        options = [part for setting in settings for part in ("-c", setting)]
        argv = [str(self._programs / "postgres"), "-D", str(self._data), *options]
        self._process = subprocess.Popen(argv, cwd=self._data, stderr=subprocess.DEVNULL, **self._as_user)
        eventually(self._answers)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it fall behind: it receives what the primary writes, and does not apply it."""
        self._execute("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Let it catch up."""
        self._execute("SELECT pg_wal_replay_resume()")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            self._execute("SELECT")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self._programs / program), *arguments]
        subprocess.run(argv, cwd="/", check=True, capture_output=True, **self._as_user)


@contextmanager
def primary_and_replica() -> Iterator[tuple[str, Replica]]:
    """The owner's address of a running server, and a replica of it that runs."""
    with tempfile.TemporaryDirectory(prefix="rollcall-replica-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        primary = Postgres(home)
        primary.start()
        try:
            with (home / "postgres" / "pg_hba.conf").open("a") as rules:
                rules.write("host replication all 127.0.0.1/32 scram-sha-256\n")
            with psycopg.connect(primary.url, autocommit=True) as owner:
                owner.execute("SELECT pg_reload_conf()")
            beside = home / "replica"
            beside.mkdir()
            data = (home / "postgres").stat()
            os.chown(beside, data.st_uid, data.st_gid)
            replica = Replica(primary, beside / "data")
            replica.start()
            try:
                yield primary.url, replica
            finally:
                replica.stop()
        finally:
            primary.stop()
