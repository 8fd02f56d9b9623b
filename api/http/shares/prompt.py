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

PROMPT = 0.1  # seconds
FRESH = 2.0  # seconds


class _Made(NamedTuple):
    response: Response
    at: float


class PromptAnswers:
    """The last answer of each endpoint, by name, and the ones that are being made."""

    def __init__(self, threads: CapacityLimiter) -> None:
        self._threads = threads
        self._last: dict[str, _Made] = {}
        self._making: dict[str, asyncio.Task[Response]] = {}

    async def answer(self, name: str, make: Callable[[], Response]) -> Response:
        """Returns what `make` does, or did a moment ago. Raises what it raises, and `Unavailable`."""
        making = self._making.get(name)
        if making is None or making.done():
            making = self._making[name] = asyncio.create_task(self._make(name, make))
        done, _ = await asyncio.wait({making}, timeout=PROMPT)
        if done:
            return making.result()
        last = self._last.get(name)
        if last is None or time.monotonic() > last.at + FRESH:
            raise Unavailable("database_unavailable", "the database does not answer in time; ask again")
        return last.response

    async def _make(self, name: str, make: Callable[[], Response]) -> Response:
        response = await to_thread.run_sync(make, limiter=self._threads)
        self._last[name] = _Made(response, time.monotonic())
        return response
