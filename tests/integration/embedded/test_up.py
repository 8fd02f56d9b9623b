"""`rollcall up` as a person runs it: ready, stopped, killed, and refused with one sentence.

FULL_SIZE=1 in the environment stops and kills it at more instants of its start.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.embedded.supervised import free_port
from deploy.main import main
from tests.support.embedded_processes import Up, environment, eventually, nothing_left_of, processes_of, run
from tests.support.full_size import FULL_SIZE
from tests.support.postgres import address_of, cloned_database

KILLS, STOPS = (6, 5) if FULL_SIZE else (2, 3)
NO_KAFKA = {"ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": "none"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    left = processes_of(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}


class SharedHome:
    """A home that the tests of this file share, and the product in it, which each test starts or stops as it needs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.http_port, self.kafka_port = free_port(), free_port()
        self.said: dict[str, str] = {}
        self._up: Up | None = None

    def running(self) -> Up:
        """The product, started where it does not run; `said` is what it said the first time."""
        if self._up is None or self._up.process.poll() is not None:
            ports = {"HTTP": self.http_port, "KAFKA": self.kafka_port, "METRICS": free_port()}
            said = self.start(**{f"ROLLCALL_{name}_PORT": str(port) for name, port in ports.items()}).welcome()
            self.said = self.said or said
        assert self._up is not None
        return self._up

    def start(self, **settings: str) -> Up:
        """A product that starts in the home."""
        self._up = Up(self.home, **settings)
        return self._up

    def stopped(self) -> Path:
        """The home with the data of a product that has run, and nothing that runs."""
        if not self.said:
            self.running()
        if self._up is not None and self._up.process.poll() is None:
            assert self._up.stop() == 0
        assert processes_of(self.home) == {}
        return self.home

    def end(self) -> None:
        if self._up is not None:
            self._up.kill()
        assert nothing_left_of(self.home), processes_of(self.home)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedHome]:
    made = SharedHome(tmp_path_factory.mktemp("shared") / "home")
    yield made
    made.end()


@pytest.fixture
def up(shared: SharedHome) -> Up:
    """The running product that these tests share."""
    return shared.running()


def test_stopped_while_its_data_is_created_it_leaves_nothing(home: Path) -> None:
    up = Up(home)
    assert eventually(lambda: any(home.glob("postgres.new-*/PG_VERSION")))
    assert up.stop() == 0
    assert processes_of(home) == {}
    assert list(home.glob("postgres.new-*")) == []


def test_it_says_where_it_is_and_uses_the_given_ports(shared: SharedHome) -> None:
    shared.running()
    assert shared.said["console"].startswith(f"http://127.0.0.1:{shared.http_port}/console/")
    assert shared.said["API"] == f"http://127.0.0.1:{shared.http_port}/v1"
    assert shared.said["Kafka"] == f"127.0.0.1:{shared.kafka_port}"
    assert not shared.said["API key"].startswith("as before")


def test_its_metrics_show_every_process_and_counters_survive_a_restart(up: Up, shared: SharedHome) -> None:
    def seen() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{shared.http_port}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return {each.name: each.value for family in families for each in family.samples if not each.labels}

    events = "rollcall_projected_events_total"
    assert eventually(lambda: seen()[events] == 2), "the account and its key"
    assert seen()["rollcall_dead_letters_published_total"] == 0
    killed = up.role("project")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: up.role("project") not in {None, killed})
    assert run(up.home, "account", "create", "another").returncode == 0
    assert eventually(lambda: seen()[events] == 3)
    # Named by role: a process that starts again goes on in the files of the one before.
    owners = {path.stem.rpartition("_")[2] for path in (up.home / "metrics").iterdir()}
    assert owners <= {"api", "ingest", "project-1", "publish", "deliver"}, owners


def test_each_of_several_workers_keeps_metrics_of_its_own(home: Path) -> None:
    up = Up(home, ROLLCALL_WORKERS="2", **NO_KAFKA)
    try:
        address = up.welcome()["API"].removesuffix("/v1")

        def shards() -> str:
            with urllib.request.urlopen(f"{address}/metrics") as answer:
                shown = re.search(r"^rollcall_worker_shards (.*)$", answer.read().decode(), re.MULTILINE)
            return shown[1] if shown else ""

        assert eventually(lambda: shards() == "64.0"), shards()
        owners = {path.stem.rpartition("_")[2] for path in (home / "metrics").iterdir()}
        assert {"project-1", "project-2"} <= owners
    finally:
        up.stop()


def test_a_home_in_use_is_refused_and_its_owner_runs_on(up: Up) -> None:
    result = run(up.home, "up")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "is in use by another Rollcall" in result.stderr
    assert run(up.home, "key", "create").returncode == 0


@pytest.mark.parametrize("role", ["ingest", "api"])
def test_a_role_that_was_killed_runs_again(up: Up, role: str) -> None:
    before = up.role(role)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: up.role(role) not in {None, before})


def test_a_database_that_was_killed_runs_again(up: Up) -> None:
    pid_file = up.home / "postgres" / "postmaster.pid"
    before = pid_file.read_text().splitlines()
    os.kill(int(before[0]), signal.SIGKILL)

    def again() -> bool:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) > 7 and lines[0] != before[0] and lines[7].strip() == "ready"

    assert eventually(again)
    assert pid_file.read_text().splitlines()[3] == before[3], "the roles know its port"
    assert run(up.home, "key", "create").returncode == 0


def test_another_command_reaches_the_running_instance_or_starts_the_database_itself(shared: SharedHome) -> None:
    while_running = run(shared.running().home, "key", "create")
    alone = run(shared.stopped(), "key", "create")
    assert (while_running.returncode, alone.returncode) == (0, 0), while_running.stderr + alone.stderr
    assert while_running.stdout.strip() != alone.stdout.strip()
    assert processes_of(shared.home) == {}


def test_stopped_while_it_starts_it_still_stops_in_order(shared: SharedHome) -> None:
    home = shared.stopped()
    for turn in range(STOPS):
        (home / "instance").unlink(missing_ok=True)
        up = Up(home)
        assert eventually((home / "instance").exists)
        time.sleep(1.2 * turn / (STOPS - 1))
        assert up.stop() == 0
        assert processes_of(home) == {}


@pytest.mark.slow
def test_killed_at_any_instant_of_its_start_it_leaves_nothing_and_its_data_is_whole(
    shared: SharedHome, home: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    instants = random.Random(seed)
    for place in (home, shared.stopped()):
        for turn in range(KILLS):
            killed = Up(place)
            # Once in each part of a start: the imports, the data, the services, the roles.
            time.sleep(0.05 + instants.uniform(turn, turn + 1) * 3 / KILLS)
            killed.kill()
            assert nothing_left_of(place), processes_of(place)
    assert run(home, "migrate").returncode == 0
    assert run(shared.home, "verify").returncode == 0


def test_it_keeps_its_data_and_in_a_rehearsal_without_kafka_every_process_has_its_time(shared: SharedHome) -> None:
    shared.stopped()
    up = shared.start(ROLLCALL_CLOCK_START="2031-02-03T04:05:06Z", **NO_KAFKA)
    said = up.welcome()
    assert said["API key"].startswith("as before")
    assert said["Kafka"] == "none"
    assert not any("deploy.main ingest " in text or "tansu" in text for text in processes_of(shared.home).values())
    request = urllib.request.Request(
        f"{said['API']}/customers/c1",
        data=b'{"name": "Ada"}',
        headers={"Authorization": f"Bearer {shared.said['API key']}", "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:
        created = datetime.fromisoformat(json.load(answer)["created_at"])
    start = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert start <= created < start + timedelta(minutes=2)
    assert up.stop(signal.SIGINT) == 0
    assert processes_of(shared.home) == {}


def test_a_given_empty_database_is_used_and_outlives_us(home: Path, postgres_url: str) -> None:
    with cloned_database(postgres_url, "template0") as empty:
        given = address_of(empty)
        up = Up(home, ROLLCALL_DATABASE_URL=given, **NO_KAFKA)
        up.welcome()
        assert not home.exists(), "nothing embedded, nothing to keep"
        assert up.stop() == 0
        assert run(home, "key", "create", ROLLCALL_DATABASE_URL=given).returncode == 0


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


def test_data_of_another_major_is_refused(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    assert "written by PostgreSQL 17" in refused(home)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROLLCALL_HTTP_PORT", "70000"),
        ("ROLLCALL_CLOCK_START", "tomorrow"),
        ("ROLLCALL_CLOCK_START", "2026-01-01T00:00:00"),
        ("ROLLCALL_BOOTSTRAP_TIMEZONE", "Europe/Nowhere"),
        ("ROLLCALL_DATABASE_URL", "mysql://localhost"),
        ("ROLLCALL_KAFKA_TOPICS", "rollcall.customers.v1"),
    ],
)
@pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")
def test_a_setting_that_cannot_be_is_named(
    home: Path, variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command in this process: it ends before it has done anything, and its start takes longer than that."""
    monkeypatch.setattr(sys, "argv", ["rollcall", "up"])
    monkeypatch.setattr(os, "environ", environment(home, {variable: value}))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"rollcall: {variable}")
    assert sentence.endswith(".")
    assert not home.exists()


def test_a_wrong_setting_ends_the_command(home: Path) -> None:
    assert refused(home, ROLLCALL_HTTP_PORT="eighty").startswith("rollcall: ROLLCALL_HTTP_PORT")


def test_a_role_without_a_database_is_refused(home: Path) -> None:
    assert "ROLLCALL_DATABASE_URL" in refused(home, "project")
