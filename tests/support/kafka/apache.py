"""Apache Kafka of one node, where its jars are on this machine: `ROLLCALL_TEST_KAFKA_LIBS` names their folder.

They are `org.apache.kafka:kafka_2.13` and `org.apache.kafka:kafka-tools` of Maven Central with what these need
(`mvn dependency:copy-dependencies`), and a Java of 17 or later.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from consumers.kafka import ensure_topics
from deploy.embedded.supervised import Program, free_port, launch, stop

TOPICS = {"rollcall.customers.v1": 12, "rollcall.customers.v1.dlt": 1}
PATIENCE = 60.0
LIBS = os.environ.get("ROLLCALL_TEST_KAFKA_LIBS", "")


def is_installed() -> bool:
    """Whether there are jars and a Java."""
    return bool(LIBS) and shutil.which("java") is not None


class ApacheKafka:
    """A broker that is its own controller, in a folder of its own; `stop` leaves the folder to the caller."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and create the topics."""
        self._home.mkdir()
        properties = self._home / "server.properties"
        properties.write_text("\n".join(f"{name}={value}" for name, value in self._properties(free_port()).items()))
        java = [str(shutil.which("java")), "-Xmx1g", "-cp", f"{LIBS}/*"]
        with (self._home / "kafka.log").open("wb") as log:
            format_storage = ["kafka.tools.StorageTool", "format", "--cluster-id", "Um9sbGNhbGwtYmVuY2htYXJr"[:22]]
            subprocess.run([*java, *format_storage, "-c", str(properties)], check=True, stdout=log, stderr=log)
            program = Program([*java, "kafka.Kafka", str(properties)], {"PATH": "/usr/bin:/bin"})
            self._process = launch(program, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._home / "kafka.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        ensure_topics(self.address, TOPICS)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            stop(self._process, (signal.SIGTERM, 10.0))

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            return True
        return False

    def _properties(self, controller: int) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._home / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
        }
