"""The process supervisor: what dies is started again, with growing delays, and stopping waits once for all."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from itertools import pairwise

from structlog.testing import capture_logs

from deploy.embedded.supervised import Program, launch
from deploy.embedded.supervisor import Supervisor
from deploy.embedded.up import Role
from deploy.settings import Settings
from tests.support.embedded_processes import eventually


class Script(Role):
    """A role that runs a program of the test."""

    patience = 2.0

    def __init__(self, name: str, program: str) -> None:
        super().__init__(name, Settings())
        self.program = program
        self.starts: list[float] = []

    def start(self) -> None:
        self.starts.append(time.monotonic())
        self._process = launch(Program([sys.executable, "-c", self.program], {}), stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        with self._process.stdout as output:
            assert output.readline() == b"ready\n"

    @property
    def code(self) -> int | None:
        return self._process.poll() if self._process else None


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
LASTING = "import time; print('ready', flush=True); time.sleep(60)"
DYING = "print('ready', flush=True); raise SystemExit(3)"


def test_roles_that_ignore_the_signal_are_waited_for_together() -> None:
    supervisor, roles = Supervisor(), [Script(f"role{n}", STUBBORN) for n in range(4)]
    for role in roles:
        supervisor.start(role)
    before = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - before < len(roles) * Script.patience
    assert [role.code for role in roles] == [-signal.SIGKILL] * 4


def test_roles_that_do_listen_end_at_the_first_signal() -> None:
    supervisor, role = Supervisor(), Script("role", LASTING)
    supervisor.start(role)
    supervisor.stop()
    assert role.code == -signal.SIGTERM


def test_what_keeps_dying_is_started_ever_more_slowly_and_the_others_run_on() -> None:
    supervisor, dying, lasting = Supervisor(), Script("dying", DYING), Script("lasting", LASTING)
    supervisor.start(dying)
    supervisor.start(lasting)

    def started_four_times() -> bool:
        supervisor.tend()
        return len(dying.starts) == 4

    try:
        with capture_logs() as lines:
            assert eventually(started_four_times)
    finally:
        supervisor.stop()
    delays = [line["again_in_seconds"] for line in lines if line["event"] == "died"]
    assert 0 < delays[0] < delays[1] < delays[2]
    assert all(after - before >= delay for (before, after), delay in zip(pairwise(dying.starts), delays, strict=True))
    assert len(lasting.starts) == 1
