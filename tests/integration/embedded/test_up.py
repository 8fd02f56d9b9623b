"""`rollcall up` as a person runs it: ready, stopped, killed, and refused with one sentence."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.embedded.postgres import Postgres
from deploy.embedded.supervised import free_port
from tests.support.embedded_processes import Up, eventually, nothing_left_of, processes_of, run


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    left = processes_of(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    running = Up(home)
    yield running
    running.kill()
    assert nothing_left_of(home), processes_of(home)


def test_it_is_ready_stops_in_order_and_keeps_its_data(home: Path) -> None:
    first = Up(home)
    said = first.welcome()
    assert said["console"].startswith("http://127.0.0.1:")
    assert said["Kafka"].startswith("127.0.0.1:")
    assert not said["API key"].startswith("as before")
    assert first.stop() == 0
    assert processes_of(home) == {}
    second = Up(home)
    assert second.welcome()["API key"].startswith("as before")
    assert second.stop(signal.SIGINT) == 0
    assert processes_of(home) == {}


def test_the_given_ports_are_used_and_kafka_can_be_left_out(home: Path) -> None:
    port = free_port()
    up = Up(home, ROLLCALL_HTTP_PORT=str(port), ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
    said = up.welcome()
    assert said["API"] == f"http://127.0.0.1:{port}/v1"
    assert said["Kafka"] == "none"
    assert not any("deploy.main ingest " in text or "tansu" in text for text in processes_of(home).values())
    assert up.stop() == 0


def test_a_given_database_is_used_and_outlives_us(home: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    postgres = Postgres(given)
    postgres.start()
    try:
        up = Up(home, ROLLCALL_DATABASE_URL=postgres.url, ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
        up.welcome()
        assert not home.exists(), "nothing embedded, nothing to keep"
        assert up.stop() == 0
        assert postgres.alive()
        assert run(home, "key", "create", ROLLCALL_DATABASE_URL=postgres.url).returncode == 0
    finally:
        postgres.stop()


def test_in_a_rehearsal_every_process_has_its_time(home: Path) -> None:
    up = Up(home, ROLLCALL_CLOCK_START="2031-02-03T04:05:06Z", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
    said = up.welcome()
    request = urllib.request.Request(
        f"{said['API']}/customers/c1",
        data=b'{"name": "Ada"}',
        headers={"Authorization": f"Bearer {said['API key']}", "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:
        created = datetime.fromisoformat(json.load(answer)["created_at"])
    start = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert start <= created < start + timedelta(minutes=2)
    assert up.stop() == 0


@pytest.mark.parametrize("role", ["ingest", "project", "api"])
def test_a_role_that_was_killed_runs_again(up: Up, role: str) -> None:
    up.welcome()
    before = up.role(role)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: up.role(role) not in {None, before})


def test_a_database_that_was_killed_runs_again(up: Up) -> None:
    up.welcome()
    pid_file = up.home / "postgres" / "postmaster.pid"
    before = pid_file.read_text().splitlines()
    os.kill(int(before[0]), signal.SIGKILL)

    def again() -> bool:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) > 7 and lines[0] != before[0] and lines[7].strip() == "ready"

    assert eventually(again)
    assert pid_file.read_text().splitlines()[3] == before[3], "the roles know its port"
    assert run(up.home, "key", "create").returncode == 0


@pytest.mark.slow
def test_killed_at_any_instant_it_leaves_nothing_and_starts_again(home: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    instants = random.Random(seed)
    for _ in range(12):
        killed = Up(home)
        time.sleep(instants.uniform(0.05, 3))
        killed.kill()
        assert nothing_left_of(home), processes_of(home)
    last = Up(home)
    last.welcome()
    assert last.stop() == 0


def test_stopped_while_it_starts_it_still_stops_in_order(home: Path) -> None:
    for instant in (0.0, 0.3, 0.6, 0.9, 1.2):
        up = Up(home)
        assert eventually((home / "instance").exists)
        time.sleep(instant)
        assert up.stop() == 0
        assert processes_of(home) == {}
        (home / "instance").unlink()


def test_stopped_while_its_data_is_created_it_leaves_nothing(home: Path) -> None:
    up = Up(home)
    assert eventually(lambda: any(home.glob("postgres.new-*/PG_VERSION")))
    assert up.stop() == 0
    assert processes_of(home) == {}
    assert list(home.glob("postgres.new-*")) == []


def test_another_command_reaches_the_running_instance_or_starts_the_database_itself(home: Path) -> None:
    up = Up(home)
    up.welcome()
    while_running = run(home, "key", "create")
    assert up.stop() == 0
    alone = run(home, "key", "create")
    assert (while_running.returncode, alone.returncode) == (0, 0), while_running.stderr + alone.stderr
    assert while_running.stdout.strip() != alone.stdout.strip()
    assert processes_of(home) == {}


def refused(home: Path, *arguments: str, **settings: str) -> str:
    """What is said on standard error, which is one sentence and an exit code of 1."""
    result = run(home, *(arguments or ("up",)), **settings)
    assert result.returncode == 1, result
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("rollcall: ")
    assert sentence.endswith(".")
    assert processes_of(home) == {}
    return sentence


@pytest.mark.parametrize("variable", ["ROLLCALL_HTTP_PORT", "ROLLCALL_KAFKA_PORT"])
def test_a_busy_port_is_refused(home: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1" in refused(home, **{variable: str(port)})


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "not a directory" in refused(tmp_path / "file" / "home")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_permission_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "permission denied" in refused(closed / "home")


def test_a_home_in_use_is_refused_and_its_owner_runs_on(up: Up) -> None:
    up.welcome()
    result = run(up.home, "up")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "is in use by another Rollcall" in result.stderr
    assert run(up.home, "key", "create").returncode == 0


def test_data_of_another_major_is_refused(home: Path) -> None:
    first = Up(home, ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
    first.welcome()
    first.stop()
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    assert "written by PostgreSQL 17" in refused(home)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROLLCALL_HTTP_PORT", "eighty"),
        ("ROLLCALL_CLOCK_START", "tomorrow"),
        ("ROLLCALL_CLOCK_START", "2026-01-01T00:00:00"),
        ("ROLLCALL_BOOTSTRAP_TIMEZONE", "Europe/Nowhere"),
        ("ROLLCALL_DATABASE_URL", "mysql://localhost"),
        ("ROLLCALL_KAFKA_TOPICS", "rollcall.customers.v1"),
    ],
)
def test_a_setting_that_cannot_be_is_named(home: Path, variable: str, value: str) -> None:
    sentence = refused(home, **{variable: value})
    assert variable in sentence


def test_a_role_without_a_database_is_refused(home: Path) -> None:
    assert "ROLLCALL_DATABASE_URL" in refused(home, "project")
