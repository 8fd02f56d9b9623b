"""Stopping a program in the very first instants of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from deploy.embedded.supervised import Program, launch, stop


def test_a_program_stopped_as_soon_as_it_starts_ends_by_the_signal_and_prints_nothing() -> None:
    for _ in range(10):
        process = launch(Program(["/bin/sleep", "60"], {}), stderr=subprocess.PIPE)
        stop(process, (signal.SIGINT, 5.0))
        assert process.stderr is not None
        with process.stderr:
            assert (process.returncode, process.stderr.read()) == (-signal.SIGINT, b"")


def test_a_program_is_not_in_the_session_of_the_terminal_from_its_first_instant() -> None:
    process = launch(Program(["/bin/sleep", "60"], {}))
    assert os.getsid(process.pid) == process.pid
    stop(process)


def test_signals_are_not_blocked_in_the_program_nor_in_its_parent_afterwards() -> None:
    show = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    process = launch(Program([sys.executable, "-S", "-c", show], {}), stdout=subprocess.PIPE)
    assert process.communicate(timeout=30)[0] == b"set()\n"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
