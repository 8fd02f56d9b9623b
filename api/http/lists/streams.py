"""Streams: every row of a list in one answer, from one snapshot, as NDJSON or CSV; and files that are read in pieces.

Used by the endpoints of `/v1` and by the console's downloads. A stream that is cut off, by a fault or because its
client took nothing, ends without the last chunk of its transfer, so that clients see it; NDJSON also ends with a line
that says how many rows there were. Streams are counted by account: each holds a database session while it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from anyio import CancelScope, to_thread
from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.dependencies import Services
from api.http.read_your_writes import POSITION_HEADER, snapshot
from projections.read.streams import changes
from projections.read.streams.lines import LineFormat, Lines

FORMS: dict[str, LineFormat] = {"application/x-ndjson": "json", "text/csv": "csv"}
MEDIA_TYPES = {form: media_type for media_type, form in FORMS.items()}
NEXT_AFTER_HEADER = "Rollcall-Next-After"
# What a client must take in `stream_seconds`: one that takes less holds up others for nothing.
PIECE = 64 << 10
# What `api` puts into the scope of a request: it ends the connection at once, with what was not sent yet.
ABORT = "rollcall.abort"
log = structlog.get_logger(__name__)


class Listed(NamedTuple):
    """A list as lines of text, and the names of its columns."""

    columns: Sequence[str]
    lines: Lines


def form_of(request: Request) -> LineFormat | None:
    """Returns the form of the stream that a request accepts; `None` for a page."""
    return FORMS.get(request.state.accepted)


def stream(
    services: Services,
    account_id: UUID,
    form: LineFormat,
    listed: Callable[[Any], Listed],
    *,
    console: bool = False,
) -> Response:
    """Returns all lines from one snapshot. Raises what `listed` raises before the answer begins, then nothing.

    Raises `RequestError` (429) where the account reads as many streams as it may.
    """
    with ExitStack() as opened:
        opened.enter_context(counted(services, account_id, console=console))
        connection, position = opened.enter_context(snapshot(services, account_id))
        last_change = changes.kept(connection).last
        body = _pieces(listed(connection), form)
        opened.callback(body.close)
        headers = {POSITION_HEADER: str(position), NEXT_AFTER_HEADER: str(last_change)}
        return PacedResponse(services, in_threads(services, body), opened.pop_all(), headers, MEDIA_TYPES[form])


@contextmanager
def counted(services: Services, account_id: UUID, *, console: bool = False) -> Iterator[None]:
    """A stream among those of its account, and of all. Raises `RequestError` (429)."""
    share = services.limits.share_of(str(account_id), console=console)
    with services.limits.stream_of(share):
        yield


class PacedResponse(StreamingResponse):
    """A body that comes piece by piece, and is given up where its client takes nothing for long.

    What is `opened` for it is closed when the response ends, however it ends.
    """

    def __init__(
        self,
        services: Services,
        pieces: AsyncGenerator[bytes, None],
        opened: ExitStack,
        headers: dict[str, str],
        media_type: str,
    ) -> None:
        self._threads = services.limits.stream_threads
        self._pieces = pieces
        super().__init__(self._pieces, 200, headers, media_type)
        self._seconds = services.limits.figures.stream_seconds
        self._opened = opened
        self._abort: Callable[[], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        self._abort = scope.get("extensions", {}).get(ABORT, {}).get("abort")
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()

    async def _close(self) -> None:
        with CancelScope(shield=True):
            await to_thread.run_sync(self._opened.close, limiter=self._threads)

    async def stream_response(self, send: Send) -> None:
        """Send every piece. Raises `ClientDisconnect` where one was not taken in time."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    for at in range(0, len(piece), PIECE):
                        async with asyncio.timeout(self._seconds):
                            part = piece[at : at + PIECE]
                            await send({"type": "http.response.body", "body": part, "more_body": True})
            # Before the client sees the end: it may ask for the next stream at once.
            await self._close()
            async with asyncio.timeout(self._seconds):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.warning("stream_given_up", seconds=self._seconds)
            if self._abort is not None:
                self._abort()
            raise ClientDisconnect from None


def _pieces(listed: Listed, form: LineFormat) -> Generator[bytes, None, None]:
    count = 0
    if form == "csv":
        yield f"{','.join(listed.columns)}\r\n".encode()
    for chunk, rows in listed.lines:
        count += rows
        yield chunk
    if form == "json":
        yield f'{{"count":{count}}}\n'.encode()


async def in_threads(services: Services, body: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yields the pieces of `body`, which are made in threads: while one is sent, the next is made."""
    threads = services.limits.stream_threads

    def fetch() -> asyncio.Task[bytes | None]:
        return asyncio.create_task(to_thread.run_sync(partial(next, body, None), limiter=threads))

    ahead = fetch()
    try:
        while (piece := await ahead) is not None:
            ahead = fetch()
            if piece:
                yield piece
    finally:
        # No thread may be in the body when it is closed; what it found then, or why it could not, is for no one.
        with CancelScope(shield=True):
            await asyncio.gather(ahead, return_exceptions=True)
