"""For the tests of the embedded default: the real command, and which processes of a home are left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Queue

ROLLCALL = Path(sys.executable).with_name("rollcall")
PATIENCE = 180.0  # seconds; a busy machine takes long to start processes, and only what fails waits as long
GONE = "ZX"  # states of a process that has ended


def processes_of(home: Path | str) -> dict[int, str]:
    """Every running process that works in the home, or was started with its name, other than this one."""
    found = {}
    mark = str(home)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            cwd = str((entry / "cwd").readlink())
            text = ((entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()).decode(errors="replace")
        except OSError:
            continue
        if state not in GONE and int(entry.name) != os.getpid() and (cwd.startswith(mark) or mark in text):
            found[int(entry.name)] = text.replace("\0", " ")
    return found


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def nothing_left_of(home: Path) -> bool:
    return eventually(lambda: not processes_of(home), 6)


def environment(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    # One worker is enough for most tests, and starts faster.
    return ours | {"ROLLCALL_HOME": str(home), "ROLLCALL_HTTP_PORT": "0", "ROLLCALL_WORKERS": "1", **(settings or {})}


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [ROLLCALL, *arguments],
        env=environment(home, settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Up:
    """A running `rollcall up`."""

    def __init__(self, home: Path, *arguments: str, **settings: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [ROLLCALL, "up", *arguments],
            env=environment(home, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line)

    def welcome(self, seconds: float = PATIENCE) -> dict[str, str]:
        """What it prints once it is ready, by the words at the beginning of each line."""
        said: dict[str, str] = {}
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:
                raise AssertionError(f"not ready: {said}, exit code {self.process.poll()}") from None
            if line.startswith("Stop with"):
                return said
            name, _, value = line.strip().partition("  ")
            said[name] = value.strip()

    def role(self, name: str) -> int | None:
        """The process of a role, if it runs."""
        return next((pid for pid, text in processes_of(self.home).items() if f"deploy.main {name} " in text), None)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(25)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
