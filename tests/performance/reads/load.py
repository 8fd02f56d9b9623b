"""Requests at a fixed rate, whether or not the ones before are answered, and the time that each took.

A process of its own, so that it does not share an interpreter with what it measures beside. The time counts from the
instant at which a request was due. Connections are kept; a request that finds none free waits for one, which counts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Sequence
from multiprocessing.pool import AsyncResult, Pool
from typing import cast

import uvloop

CONNECTIONS = 16
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def start(pool: Pool, port: int, key: str, paths: Sequence[str], rate: int) -> AsyncResult[list[float]]:
    """Ask for each path once, `rate` a second. Returns what will have the seconds that each took."""
    return pool.apply_async(_measure, (port, key, list(paths), rate))


def one_process() -> Pool:
    """A pool for one measurement at a time."""
    return multiprocessing.get_context("spawn").Pool(1)


def _measure(port: int, key: str, paths: Sequence[str], rate: int) -> list[float]:
    return uvloop.run(_ask_all(port, key, paths, rate))


async def _ask_all(port: int, key: str, paths: Sequence[str], rate: int) -> list[float]:
    loop = asyncio.get_running_loop()
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait((await loop.create_connection(_Connection, "127.0.0.1", port))[1])

    async def ask(path: str, due: float) -> float:
        connection = await free.get()
        await connection.get(path, key)
        free.put_nowait(connection)
        return time.perf_counter() - due

    began = time.perf_counter()
    asked = []
    for number, path in enumerate(paths):
        due = began + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        asked.append(asyncio.create_task(ask(path, due)))
    return await asyncio.gather(*asked)


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get(self, path: str, key: str) -> asyncio.Future[None]:
        """Ask, and return what is done with the last byte of the answer, which must be 200."""
        self._answered = asyncio.get_running_loop().create_future()
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n"
        self._transport.write(head.encode())
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        if ended and (found := _LENGTH.search(head)) and len(body) >= int(found[1]):
            self._received = b""
            if head.startswith(b"HTTP/1.1 200"):
                self._answered.set_result(None)
            else:
                self._answered.set_exception(AssertionError(head.decode()))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("the server closed the connection"))
