"""Dead letters: `/v1/dead-letters`. Records that could never succeed, and why; mended, each may try again."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.http.access import Admin, Reader
from api.http.context import Here
from api.http.idempotency import once
from api.http.paging import Page
from api.http.parameters import IdempotencyKey
from api.http.read_your_writes import MinPosition, settle, snapshot
from api.http.responses import answer
from api.v1.shapes.openapi import answers
from api.v1.shapes.requests_and_responses import DeadLetter, PageOf, Retry
from projections.read import dead_letters
from projections.read.dead_letters import DeadLetterRow

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
EXAMPLE: dict[str, Any] = {
    "id": 7,
    "topic": "rollcall.customers.v1",
    "partition": 3,
    "offset": 1288,
    "timestamp": "2026-05-20T10:00:00Z",
    "key": "crm-1001",
    "value": "{not json",
    "encoding": "utf-8",
    "headers": [{"name": "ce_id", "value": "a-1"}],
    "code": "malformed_json",
    "message": "Expecting property name at line 1, column 2",
    "attempts": 1,
    "first_failed_at": "2026-05-20T10:00:01Z",
    "published_at": None,
}

EXAMPLE_RETRY: dict[str, Any] = {
    "id": 7,
    "resolved": True,
    "result": "changed",
    "attempts": 2,
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "code": None,
    "message": None,
}
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(
    "",
    operation_id="list_dead_letters",
    response_model=PageOf[DeadLetter],
    responses=answers({200: ("Dead letters, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_dead_letters(here: Here, caller: Reader, page: Page, min_position: MinPosition = None) -> Response:
    """List records that could never succeed, newest first."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    with snapshot(here, account_id, min_position) as (connection, position):
        rows = dead_letters.page(connection, account_id, before=before, limit=page.fetch)
        body = page.page(
            rows,
            show_dead_letter,
            lambda row: (row.dead_letter_id,),
            lambda: dead_letters.count(connection, account_id),
        )
    return answer(body, position)


@router.post(
    "/{dead_letter_id}/retry",
    operation_id="retry_dead_letter",
    response_model=Retry,
    responses=answers({200: ("What became of it.", EXAMPLE_RETRY)}, 400, 404, 409),
)
def retry_dead_letter(
    here: Here, caller: Admin, dead_letter_id: LetterId, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take a dead letter in again, as it came. It is worth it once its reason is gone: an attribute's type, say.

    Its change has the time that it always had, and does not undo newer ones.
    """

    def work(_: UUID | None) -> Response:
        retried = here.retry(caller.account_id, dead_letter_id)
        settle(here, caller.account_id, retried.position)
        body = {
            "id": dead_letter_id,
            "resolved": retried.result != "invalid",
            "result": retried.result,
            "attempts": retried.attempts,
            "customer_id": retried.customer_id,
            "code": retried.code,
            "message": retried.message,
        }
        return answer(body, retried.position)

    return once(here, caller, idempotency_key, (f"POST /v1/dead-letters/{dead_letter_id}/retry", b""), work)


def show_dead_letter(row: DeadLetterRow) -> dict[str, Any]:
    """A dead letter in JSON: its bytes as text where all of them are UTF-8, else all as base64."""
    stored = [row.key, row.value, *(None if content is None else bytes.fromhex(content) for _, content in row.headers)]
    try:
        shown = [None if each is None else bytes(each).decode() for each in stored]
        encoding = "utf-8"
    except UnicodeDecodeError:
        shown = [None if each is None else b64encode(each).decode() for each in stored]
        encoding = "base64"
    names = [name for name, _ in row.headers]
    return {
        "id": row.dead_letter_id,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.record_offset,
        "timestamp": None if row.record_timestamp is None else _instant(row.record_timestamp),
        "key": shown[0],
        "value": shown[1],
        "encoding": encoding,
        "headers": [{"name": name, "value": value} for name, value in zip(names, shown[2:], strict=True)],
        "code": row.code,
        "message": row.message,
        "attempts": row.attempts,
        "first_failed_at": row.first_failed_at,
        "published_at": row.published_at,
    }


def _instant(milliseconds: int) -> datetime | None:
    """A record's own timestamp, which may be anything; `None` outside the calendar."""
    try:
        return datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
