"""The embedded broker: its topics, its port, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from deploy.embedded.broker import Broker
from deploy.embedded.supervised import StartupError, free_port
from tests.support.embedded_processes import eventually, processes_of

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
        (process,) = processes_of(f"tcp://127.0.0.1:{port}")
        os.kill(process, signal.SIGKILL)
        assert eventually(lambda: not broker.alive())
        broker.start()
        assert topics(broker.address) == {TOPIC: 12, TOPIC + ".dlt": 1}
    finally:
        broker.stop()
    assert not broker.alive()
    assert processes_of(f"tcp://127.0.0.1:{port}") == {}


def test_a_killed_owner_leaves_no_broker(tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import sys, time; from pathlib import Path; from deploy.embedded.broker import Broker;"
        "Broker(Path(sys.argv[1]), int(sys.argv[2]), []).start(); print('ready', flush=True); time.sleep(600)"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(port)], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    with killed.stdout as output:
        assert output.readline() == b"ready\n"
    killed.kill()
    killed.wait()
    assert eventually(lambda: not processes_of(f"tcp://127.0.0.1:{port}"), 6)


def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            StartupError, match=rf"^Port {port} on 127.0.0.1 .* set ROLLCALL_KAFKA_PORT to a free one.$"
        ):
            Broker(tmp_path, port, [TOPIC])
