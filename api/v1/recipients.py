"""Recipients: of a campaign as it is now, and of a frozen audience; by page, or all in one stream.

`Accept: application/x-ndjson` or `text/csv` asks for the stream: one snapshot, the oldest customer first,
and a last line that tells how many there were. Where that line is missing, the stream was cut.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.http.access import Reader
from api.http.context import Context, Here
from api.http.paging import Page
from api.http.parameters import PathId
from api.http.read_your_writes import POSITION_HEADER, MinPosition, snapshot
from api.http.responses import answer
from api.v1.shapes.campaigns import (
    EXAMPLE_FROZEN,
    EXAMPLE_RECIPIENT,
    Audience,
    Recipient,
    RecipientPage,
    found,
    known,
    show_audience,
    show_recipient,
)
from api.v1.shapes.openapi import answers
from api.v1.shapes.requests_and_responses import PageOf
from domain.errors import NotFound, Refused, Unavailable
from projections.model.union import Union
from projections.read import campaigns, recipients
from projections.read.campaigns import AudienceRow
from projections.read.recipients import LineFormat

router = APIRouter(prefix="/v1", tags=["recipients"])
FORMS: dict[str, LineFormat] = {"application/x-ndjson": "json", "text/csv": "csv"}
HEAD: dict[LineFormat, bytes] = {"json": b"", "csv": b"customer_id,external_id,phone,name\r\n"}
LAST: dict[LineFormat, str] = {"json": '{{"count":{}}}\n', "csv": "# count,{}\r\n"}
# Each holds a session of the pool for as long as its client reads.
STREAMS_AT_ONCE = 4
_streams = threading.BoundedSemaphore(STREAMS_AT_ONCE)
Lines = Iterator[tuple[bytes, int]]


def _answers(*problems: int) -> dict[int | str, dict[str, Any]]:
    told = answers({200: ("Recipients, oldest customer first.", {"data": [EXAMPLE_RECIPIENT], "next_cursor": None})},
                   400, 404, 504, *problems)  # fmt: skip
    told[200]["content"] |= {
        "application/x-ndjson": {"schema": {"type": "string", "description": "A recipient per line, then the count."}},
        "text/csv": {"schema": {"type": "string", "description": "A header, a recipient per line, `# count,<n>`."}},
    }
    return told


@router.get(
    "/campaigns/{campaign_id}/recipients",
    operation_id="list_campaign_recipients",
    response_model=RecipientPage,
    responses=_answers(409),
)
def list_campaign_recipients(
    request: Request, here: Here, caller: Reader, campaign_id: PathId, page: Page, min_position: MinPosition = None
) -> Response:
    """List whom a campaign reaches now: each person once, each phone number once; `include=total` counts the rest.

    With `Accept: application/x-ndjson` or `text/csv` all of them come in one stream, from one snapshot.
    """
    account_id = caller.account_id
    wanted = known(campaign_id, "campaign")
    after = None if page.after is None else int(page.after[0])

    if form := form_asked(request):

        def lines(connection: Any) -> Lines:
            union = _union(connection, account_id, wanted)
            return recipients.lines(connection, union, form) if union else iter(())

        return stream(here, account_id, min_position, form, lines)
    with snapshot(here, account_id, min_position) as (connection, position):
        union = _union(connection, account_id, wanted)
        total, skipped = recipients.totals(connection, union) if page.total and union else (0, None)
        rows = recipients.page(connection, union, after=after, limit=page.fetch) if union else []
        body = page.page(rows, show_recipient, lambda row: (row.customer_no,), lambda: total)
        if page.total:
            body["skipped"] = skipped._asdict() if skipped else dict.fromkeys(EXAMPLE_FROZEN["skipped"], 0)
    return answer(body, position)


@router.get(
    "/audiences/{audience_id}",
    operation_id="get_audience",
    response_model=Audience,
    responses=answers({200: ("The audience.", EXAMPLE_FROZEN)}, 404, 504),
)
def get_audience(here: Here, caller: Reader, audience_id: PathId, min_position: MinPosition = None) -> Response:
    """Read what a frozen audience came to, and how many of its recipients were erased since."""
    with snapshot(here, caller.account_id, min_position) as (connection, position):
        row = _audience(connection, caller.account_id, known(audience_id, "audience"))
    return answer(show_audience(row), position)


@router.get(
    "/audiences/{audience_id}/recipients",
    operation_id="list_audience_recipients",
    response_model=PageOf[Recipient],
    responses=_answers(),
)
def list_audience_recipients(
    request: Request, here: Here, caller: Reader, audience_id: PathId, page: Page, min_position: MinPosition = None
) -> Response:
    """List the recipients of a frozen audience as they were then; only erased persons are missing.

    With `Accept: application/x-ndjson` or `text/csv` all of them come in one stream.
    """
    account_id = caller.account_id
    wanted = known(audience_id, "audience")
    after = None if page.after is None else int(page.after[0])
    if form := form_asked(request):

        def lines(connection: Any) -> Lines:
            row = _audience(connection, account_id, wanted)
            return recipients.frozen_lines(connection, account_id, row.audience_no, form)

        return stream(here, account_id, min_position, form, lines)
    with snapshot(here, account_id, min_position) as (connection, position):
        row = _audience(connection, account_id, wanted)
        rows = recipients.frozen_page(connection, account_id, row.audience_no, after=after, limit=page.fetch)
        body = page.page(rows, show_recipient, lambda each: (each.customer_no,), lambda: row.recipients - row.erased)
    return answer(body, position)


def _union(connection: Any, account_id: UUID, campaign_id: UUID) -> Union | None:
    """The versions that a campaign's segments serve now; `None` where it has no recipients. Raises `NotFound`.

    A segment that was never computed is no empty one: nobody is told a wrong audience.
    """
    row, included, left_out = found(campaigns.with_served(connection, account_id, campaign_id), "campaign")
    if row.needs_audience:
        return None
    for segment_id, version in zip([*row.segment_ids, *row.exclude_segment_ids], [*included, *left_out], strict=True):
        if version is None:
            detail = f"segment {segment_id} has no members yet; ask again when it is current"
            raise Refused("segment_not_computed", detail)
    return Union(account_id, [each for each in included if each], [each for each in left_out if each])


def require_computed(connection: Any, account_id: UUID, campaign_id: UUID) -> None:
    """Raises `Refused` where a segment of the campaign was never computed."""
    with suppress(NotFound):  # the read models may not know it yet
        _union(connection, account_id, campaign_id)


def _audience(connection: Any, account_id: UUID, audience_id: UUID) -> AudienceRow:
    row = found(campaigns.audience(connection, account_id, audience_id), "audience")
    if not row.counted:
        raise Unavailable("audience_not_ready", "the audience is being frozen; ask again")
    return row


def form_asked(request: Request) -> LineFormat | None:
    """The form of stream that `Accept` names first; `None` for pages."""
    for each in request.headers.get("accept", "").split(","):
        media_type = each.split(";")[0].strip().lower()
        if media_type in FORMS or media_type == "application/json":
            return FORMS.get(media_type)
    return None


def stream(
    here: Context, account_id: UUID, min_position: int | None, form: LineFormat, lines: Callable[[Any], Lines]
) -> Response:
    """All lines from one snapshot. Raises what `lines` raises before the answer begins, then nothing."""
    if not _streams.acquire(blocking=False):
        raise Unavailable("too_many_streams", f"{STREAMS_AT_ONCE} streams are being read; try again")
    with ExitStack() as opened:
        opened.callback(_streams.release)
        connection, position = opened.enter_context(snapshot(here, account_id, min_position))
        body = _told(lines(connection), form, opened.pop_all())
    headers = {POSITION_HEADER: str(position)}
    media_type = next(name for name, each in FORMS.items() if each == form)
    return StreamingResponse(_sent(body), 200, headers, media_type)


def _told(lines: Lines, form: LineFormat, opened: ExitStack) -> Iterator[bytes]:
    with opened:
        count = 0
        yield HEAD[form]
        for chunk, rows in lines:
            count += rows
            yield chunk
    yield LAST[form].format(count).encode()


async def _sent(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each fetched in a thread; a client that leaves gives the session back at once."""
    try:
        while (piece := await run_in_threadpool(next, body, None)) is not None:
            if piece:
                yield piece
    finally:
        body.close()  # type: ignore[attr-defined]
