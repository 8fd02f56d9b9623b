"""Waiting for the read models: one task per process asks for their position, for all requests that wait.

Used by `api.http.route`. A waiting request holds neither a thread nor a database session. Runs on the event loop;
the database is asked in a thread that nothing else uses, and only while a request waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from anyio import CapacityLimiter, to_thread

from api.reads import Reads
from projections.read.position import filters_in_work

INTERVAL = 0.008  # seconds
# A segment's filter is served by an event, which moves the position; asked this often all the same.
ASK_SEGMENTS_AGAIN = 0.1
# How much longer than asked a request waits at most where the database does not answer.
PATIENCE = 6.0
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A position that the read models are to include, and a segment whose filter of then they are to serve."""

    account_id: UUID
    position: int
    seconds: float
    segment_id: UUID | None = None


@dataclass(eq=False, slots=True)
class _Waiter:
    awaited: Awaited
    deadline: float
    seen: asyncio.Future[bool]
    asked_at: tuple[int, float] | None = field(default=None)


class PositionWatcher:
    """Answers when the read models include a position."""

    def __init__(self, reads: Reads, thread: CapacityLimiter) -> None:
        self._reads = reads
        self._thread = thread
        self._waiters: set[_Waiter] = set()
        self._watching: asyncio.Task[None] | None = None

    async def includes(self, awaited: Awaited) -> bool:
        """Returns whether the read models include it within its `seconds`. Raises `Unavailable`."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(awaited, time.monotonic() + awaited.seconds, loop.create_future())
        self._waiters.add(waiter)
        if self._watching is None or self._watching.done():
            self._watching = loop.create_task(self._watch())
        try:
            async with asyncio.timeout(awaited.seconds + PATIENCE):
                seen = await waiter.seen
            if seen:
                self._reads.require(awaited.account_id, awaited.position)
            return seen
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)

    async def head(self) -> int:
        """Returns the position of the last event of the log. Raises `Unavailable`."""
        return await self._ask(self._reads.head)

    async def _watch(self) -> None:
        while self._waiters:
            waiters = list(self._waiters)
            try:
                await self._look(waiters)
            except Exception as failure:  # whatever it is, those that wait must learn of it
                for waiter in waiters:
                    if not waiter.seen.done():
                        waiter.seen.set_exception(failure)
            await asyncio.sleep(INTERVAL)

    async def _look(self, waiters: list[_Waiter]) -> None:
        account_ids = {waiter.awaited.account_id for waiter in waiters}
        positions = await self._ask(partial(self._reads.positions, account_ids))
        now = time.monotonic()
        in_question: dict[UUID, list[_Waiter]] = defaultdict(list)
        for waiter in waiters:
            position = positions[waiter.awaited.account_id]
            if position >= waiter.awaited.position:
                if waiter.awaited.segment_id is None:
                    _answer(waiter, seen=True)
                elif waiter.asked_at is None or waiter.asked_at[0] != position or now > waiter.asked_at[1]:
                    waiter.asked_at = (position, now + ASK_SEGMENTS_AGAIN)
                    in_question[waiter.awaited.account_id].append(waiter)
        for account_id, asking in in_question.items():
            segments = list({waiter.awaited.segment_id for waiter in asking if waiter.awaited.segment_id})
            included, in_work = await self._ask(partial(filters_in_work, self._reads, account_id, segments))
            for waiter in asking:
                since = in_work.get(waiter.awaited.segment_id) if waiter.awaited.segment_id else None
                served = since is None or since > waiter.awaited.position
                if included >= waiter.awaited.position and served:
                    _answer(waiter, seen=True)
        for waiter in waiters:
            if now >= waiter.deadline:
                _answer(waiter, seen=False)

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await to_thread.run_sync(question, limiter=self._thread)


def _answer(waiter: _Waiter, *, seen: bool) -> None:
    if not waiter.seen.done():
        waiter.seen.set_result(seen)
