"""Workers that share the backlog of an account in tests: one divides even small ones, another only takes parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from domain.commands.application import Rollcall
from projections.postgres.database import worker_sessions
from projections.worker.log_writer import LiveWriter
from projections.worker.worker import Worker


@contextmanager
def part_taker(url: str, rollcall: Rollcall) -> Iterator[Worker]:
    """A worker without any shard, which has nothing to do but to take parts."""
    with worker_sessions(url) as sessions:
        worker = Worker(sessions, LiveWriter(rollcall.worker_events))
        worker.sharing.others = 1
        yield worker


def divide_early(worker: Worker, *, size: int = 1, others: int = 2) -> None:
    """Let a worker divide backlogs from twice `size` events on, as if there were `others`."""
    worker.sharing.others, worker.sharing.size, worker.sharing.pause = others, size, 0.0


def drain_together(*workers: Worker) -> None:
    """Step workers in turn until none has anything to do."""
    while sum(worker.step() for worker in workers):
        continue
