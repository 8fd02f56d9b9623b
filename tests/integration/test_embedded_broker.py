"""The embedded broker: its topics, its port, its end."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.broker import Broker
from deploy.embedded.supervised import StartupError, free_port
from tests.integration.embedded_processes import eventually, nothing_left_of, processes_of

TOPIC = "rollcall.customers.v1"


def topics(address: str) -> dict[str, int]:
    metadata = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10)
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def test_it_has_its_topics_at_the_chosen_port_also_after_it_was_killed(tmp_path: Path) -> None:
    port = free_port()
    broker = Broker(tmp_path, port, [TOPIC])
    try:
        broker.start()
        assert broker.address == f"127.0.0.1:{port}"
        assert topics(broker.address) == {TOPIC: 12, TOPIC + ".dlt": 1}
        (process,) = [pid for pid, text in processes_of_this_test().items() if str(port) in text]
        os.kill(process, signal.SIGKILL)
        assert eventually(lambda: not broker.alive())
        broker.start()
        assert topics(broker.address) == {TOPIC: 12, TOPIC + ".dlt": 1}
    finally:
        broker.stop()
    assert not broker.alive()
    assert nothing_left_of(tmp_path)


def processes_of_this_test() -> dict[int, str]:
    return processes_of(Path("memory://tansu/"))


def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            StartupError, match=rf"^Port {port} on 127.0.0.1 .* set ROLLCALL_KAFKA_PORT to a free one.$"
        ):
            Broker(tmp_path, port, [TOPIC])
