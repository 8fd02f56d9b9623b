"""Following changes: server-sent events, from a cursor on without an end.

Used by `api.v1.changes`. What always holds: every change after the cursor is sent once, in order, with its number as
the event's id, so that a client that was cut off goes on after the last one it saw. Who follows is counted among the
streams of the account, but holds neither a thread nor a database session while nothing happens. A follower ends when
its key is revoked and when the process ends; while the database is away it waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import structlog
from anyio import to_thread
from fastapi import Response

from api.http.access import Caller
from api.http.dependencies import Services
from api.http.lists.streams import PacedResponse, counted
from api.http.problems import RequestError
from api.http.read_your_writes import POSITION_HEADER
from domain import json_text
from domain.errors import Unavailable
from projections.read.streams import changes
from projections.records import api_keys

MEDIA_TYPE = "text/event-stream"
# How often a follower looks for changes, and how soon its client should come back after an interruption.
LOOK_SECONDS = 0.25
COME_BACK = 2_000  # milliseconds
HEARTBEAT_SECONDS = 15.0
AWAY_SECONDS = 1.0
log = structlog.get_logger(__name__)


class Seen(NamedTuple):
    """Records of changes, the cursor after them, and whether there are more already."""

    records: Sequence[dict[str, Any]]
    after: int
    more: bool


def follow(services: Services, caller: Caller, position: int, after: int, read: Callable[[int], Seen]) -> Response:
    """Returns what follows a cursor. `read` returns the next records after one. Raises `RequestError` (429)."""
    with ExitStack() as opened:
        opened.enter_context(counted(services, caller.account_id))
        events = _events(services, caller, after, read)
        headers = {POSITION_HEADER: str(position), "X-Accel-Buffering": "no"}
        return PacedResponse(services, events, opened.pop_all(), headers, MEDIA_TYPE)


async def _events(
    services: Services, caller: Caller, after: int, read: Callable[[int], Seen]
) -> AsyncGenerator[bytes, None]:
    def look() -> Seen | None:
        """What is new; nothing once the key was revoked."""
        with services.quick_database.transaction(caller.account_id) as connection:
            if api_keys.by_id(connection, caller.account_id, caller.key_id) is None:
                return None
            if changes.kept(connection).last <= after:
                return Seen((), after, more=False)
        return read(after)

    yield f"retry: {COME_BACK}\n\n".encode()
    sent_to, spoke = after, time.monotonic()
    while not services.stopping.is_set():
        try:
            seen = await to_thread.run_sync(look, limiter=services.limits.stream_threads)
        except Unavailable as away:
            log.warning("follower_waits", code=away.code)
            seen = Seen((), after, more=False)
            await asyncio.sleep(AWAY_SECONDS)
        except RequestError as refused:
            yield f": {refused.code}; come back\n\n".encode()
            return
        if seen is None:
            yield b": the key was revoked\n\n"
            return
        after = seen.after
        if seen.records:
            yield b"".join(_event(record) for record in seen.records)
            sent_to, spoke = seen.records[-1]["number"], time.monotonic()
        elif time.monotonic() - spoke > HEARTBEAT_SECONDS:
            yield b": heartbeat\n" + (f"id: {after}\n\n".encode() if after > sent_to else b"\n")
            sent_to, spoke = after, time.monotonic()
        if not seen.more:
            await asyncio.sleep(LOOK_SECONDS)
    yield b": the server ends; come back\n\n"


def _event(record: dict[str, Any]) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (record["number"], json_text.dumps(record))
