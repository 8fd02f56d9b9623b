"""Requests at a fixed rate, whether or not the ones before are answered, and the time that each took.

A process of its own, so that it does not share an interpreter with what it measures beside. The time counts from the
instant at which a request was due.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Sequence
from multiprocessing.pool import AsyncResult, Pool

CONNECTIONS = 16
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def start(pool: Pool, port: int, key: str, paths: Sequence[str], rate: int) -> AsyncResult[list[float]]:
    """Ask for each path once, `rate` a second. Returns what will have the seconds that each took."""
    return pool.apply_async(_measure, (port, key, list(paths), rate))


def one_process() -> Pool:
    """A pool for one measurement at a time."""
    return multiprocessing.get_context("spawn").Pool(1)


def _measure(port: int, key: str, paths: Sequence[str], rate: int) -> list[float]:
    return asyncio.run(_ask_all(port, key, paths, rate))


async def _ask_all(port: int, key: str, paths: Sequence[str], rate: int) -> list[float]:
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def ask(path: str, due: float) -> float:
        reader, writer = connection = await free.get()
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n"
        writer.write(head.encode())
        answered = await reader.readuntil(b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 200"), answered
        found = _LENGTH.search(answered)
        assert found is not None
        await reader.readexactly(int(found[1]))
        free.put_nowait(connection)
        return time.perf_counter() - due

    began = time.perf_counter()
    asked = []
    for number, path in enumerate(paths):
        due = began + number / rate
        await asyncio.sleep(due - time.perf_counter())
        asked.append(asyncio.create_task(ask(path, due)))
    return await asyncio.gather(*asked)
