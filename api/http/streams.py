"""Streams: every row of a list in one answer, from one snapshot, as NDJSON or CSV.

Used by the endpoints of `/v1` and by the console's downloads. The last line says how many rows there were: where
it is missing, the stream was cut.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.http.dependencies import Services
from api.http.read_your_writes import POSITION_HEADER, snapshot
from domain.errors import Unavailable
from projections.read.recipients import LineFormat

FORMS: dict[str, LineFormat] = {"application/x-ndjson": "json", "text/csv": "csv"}
HEAD: dict[LineFormat, bytes] = {"json": b"", "csv": b"customer_id,external_id,phone,name\r\n"}
LAST: dict[LineFormat, str] = {"json": '{{"count":{}}}\n', "csv": "# count,{}\r\n"}
# Each holds a database session of the pool for as long as its client reads.
STREAMS_AT_ONCE = 4
_streams = threading.BoundedSemaphore(STREAMS_AT_ONCE)
Lines = Iterator[tuple[bytes, int]]


def requested_form(request: Request) -> LineFormat | None:
    """Returns the form of stream that `Accept` names first; `None` for pages."""
    for each in request.headers.get("accept", "").split(","):
        media_type = each.split(";")[0].strip().lower()
        if media_type in FORMS or media_type == "application/json":
            return FORMS.get(media_type)
    return None


def stream(
    services: Services, account_id: UUID, min_position: int | None, form: LineFormat, lines: Callable[[Any], Lines]
) -> Response:
    """Returns all lines from one snapshot. Raises what `lines` raises before the answer begins, then nothing."""
    if not _streams.acquire(blocking=False):
        raise Unavailable("too_many_streams", f"{STREAMS_AT_ONCE} streams are being read; try again")
    with ExitStack() as opened:
        opened.callback(_streams.release)
        connection, position = opened.enter_context(snapshot(services, account_id, min_position))
        body = _pieces(lines(connection), form, opened.pop_all())
    headers = {POSITION_HEADER: str(position)}
    media_type = next(name for name, each in FORMS.items() if each == form)
    return StreamingResponse(_in_threads(body), 200, headers, media_type)


def _pieces(lines: Lines, form: LineFormat, opened: ExitStack) -> Iterator[bytes]:
    with opened:
        count = 0
        yield HEAD[form]
        for chunk, rows in lines:
            count += rows
            yield chunk
    yield LAST[form].format(count).encode()


async def _in_threads(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each fetched in a thread; a client that leaves gives the database session back at once."""
    try:
        while (piece := await run_in_threadpool(next, body, None)) is not None:
            if piece:
                yield piece
    finally:
        body.close()  # type: ignore[attr-defined]
