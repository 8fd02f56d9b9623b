"""Answers that never wait long: for the health endpoints, whatever else the process does. Used by `api.health`.

Each is made in a thread that no other request needs, once for all that ask at the same time. Where making it takes
long, the last one is given while it is fresh.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from fastapi import Response

from domain.errors import Unavailable

PROMPT, PATIENT = 0.15, 3.0  # seconds to wait for an answer, with a fresh one to give instead, and without
FRESH = 10.0  # seconds


class _Made(NamedTuple):
    answer: Response | Unavailable
    at: float


class PromptAnswers:
    """The last answer of each endpoint, by name, and the ones that are being made."""

    def __init__(self, threads: CapacityLimiter) -> None:
        self._threads = threads
        self._last: dict[str, _Made] = {}
        self._making: dict[str, asyncio.Task[_Made]] = {}

    async def answer(self, name: str, make: Callable[[], Response], *, within: float = PROMPT) -> Response:
        """Returns what `make` does within so many seconds, or did a moment ago. Raises what it does; `Unavailable`."""
        making = self._making.get(name)
        if making is None or making.done():
            making = self._making[name] = asyncio.create_task(self._make(name, make))
        last = self._last.get(name)
        is_fresh = last is not None and time.monotonic() < last.at + FRESH
        done, _ = await asyncio.wait({making}, timeout=within if is_fresh else PATIENT)
        made = making.result() if done else last
        if made is None or not (done or is_fresh):
            raise Unavailable("database_unavailable", "the database does not answer in time; ask again")
        if isinstance(made.answer, Unavailable):
            raise made.answer
        return made.answer

    async def _make(self, name: str, make: Callable[[], Response]) -> _Made:
        try:
            answer: Response | Unavailable = await to_thread.run_sync(make, limiter=self._threads)
        except Unavailable as failure:
            answer = failure
        made = self._last[name] = _Made(answer, time.monotonic())
        return made
