"""Starts and stops programs that must not outlive us, and reports in one sentence why one cannot start.

Used by everything that `rollcall up` starts. Every program goes through `child.py`, so it ends with its owner, even
after a kill -9. The kernel watches the *thread* that started a program: call `launch` from the main thread.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

CHILD = Path(__file__).with_name("child.py")

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Stream = IO[bytes] | int | None


class StartupError(Exception):
    """Why Rollcall cannot start, as one sentence for the person at the terminal."""


class Stopped(BaseException):
    """We were asked to stop. Not an `Exception`, so that no handler of failures catches it."""


@dataclass(frozen=True)
class User:
    """An unprivileged user that a program started by root continues as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to run, in which folder and as which user; `death_signal` is sent to it when we die."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    death_signal: signal.Signals = signal.SIGKILL
    user: User | None = None
    folder: Path | None = None


def launch(
    program: Program,
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
) -> subprocess.Popen[bytes]:
    """Start a program that is killed when we die.

    It leads a session of its own from its first instant: a terminal's Ctrl-C is for us, and we stop it in our order.
    """
    order: dict[str, object] = {"parent": os.getpid(), "signal": int(program.death_signal)}
    if program.user:
        order |= {"uid": program.user.uid, "gid": program.user.gid}
    # Inherited, so that a signal ends `child.py` quietly rather than its interpreter in the middle of an import.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(CHILD), json.dumps(order), *program.argv],
            env=dict(program.environment),
            cwd=program.folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn to a launched program and what it started, waiting for it, and SIGKILL at last."""
    for number, seconds in (*steps, (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first stop signal into the end of the block; further ones are ignored while everything stops."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    with suppress(Stopped):
        yield


def free_port() -> int:
    """Returns a port of the loopback interface that no program listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raises `StartupError` if another program has the port; `variable` is the setting that chooses it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the servers do, so that connections of the last run in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        raise StartupError(f"Port {port} needs privileges; set {variable} to one above 1023.") from None
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise StartupError(f"The address {host} is not known on this machine.") from None
        reason = (error.strerror or str(error)).lower()
        raise StartupError(f"Port {port} on {host} cannot be used ({reason}); set {variable} to a free one.") from None
