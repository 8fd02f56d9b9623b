"""A process that is stopped in the middle of a write: the others go on writing, and its own write fails later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from domain.commands.application import Rollcall
from domain.errors import Unavailable
from domain.segment import SegmentDraft
from projections.records.event_store import EventStore
from tests.support.clock import machine_now
from tests.support.installation import Installation

PROGRAM = "import sys; from tests.integration.projections.test_stopped_writer import write; write(*sys.argv[1:])"


class StopsWhileWriting(EventStore):
    """Stops its process when it holds the log's lock."""

    def _append(self, *arguments: object) -> list[int]:
        positions = super()._append(*arguments)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGSTOP)
        return positions


def write(url: str, account: str) -> None:
    """What the stopped process does."""
    store = StopsWhileWriting(url, "rollcall_api", size=1)
    try:
        Rollcall(store, machine_now).segments.create(UUID(account), SegmentDraft("stopped"))
    except Unavailable as error:
        print(error.code)
    store.close()


def test_a_process_that_is_stopped_while_it_writes_does_not_stop_the_others(installation: Installation) -> None:
    account, other = installation.account("one"), installation.account("two")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, installation.url, str(account)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        written = installation.rollcall.segments.create(other, SegmentDraft("of another account"))
        assert written.position == installation.rollcall.head()
        os.kill(process.pid, signal.SIGCONT)
        assert process.communicate(timeout=30)[0].split() == ["database_unavailable"]
    finally:
        process.kill()
    assert installation.rollcall.head() == written.position, "a write that was reported as failed was stored"
