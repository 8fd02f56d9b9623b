"""Dead letters: `/v1/dead-letters`. Records that could never succeed, why, and how to retry them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.http.access import Admin, Reader
from api.http.dependencies import ServicesDep
from api.http.idempotency import answer_once
from api.http.paging import Page
from api.http.parameters import IdempotencyKey
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.dead_letters import EXAMPLE, EXAMPLE_RETRY, DeadLetter, Retry, show_dead_letter, show_retry
from api.http.shapes.openapi import answers
from api.http.shapes.pages import PageOf
from projections.read import dead_letters

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], route_class=AccountRoute)
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(
    "",
    operation_id="list_dead_letters",
    response_model=PageOf[DeadLetter],
    responses=answers({200: ("Dead letters, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_dead_letters(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List records that could never succeed, newest first; where they are large, fewer than `limit` on a page."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    with snapshot(services, account_id) as (connection, position):
        rows, more = dead_letters.page(connection, account_id, before=before, limit=page.limit)
        body = page.page(
            rows,
            show_dead_letter,
            lambda row: (row.dead_letter_id,),
            lambda: dead_letters.count(connection, account_id),
            more=more,
        )
    return answer(body, position)


@router.post(
    "/{dead_letter_id}/retry",
    operation_id="retry_dead_letter",
    response_model=Retry,
    responses=answers({200: ("The result.", EXAMPLE_RETRY)}, 400, 404, 409),
)
def retry_dead_letter(
    services: ServicesDep, caller: Admin, dead_letter_id: LetterId, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Retry a dead letter, for example after an attribute's type was changed.

    Its change keeps its own time, and does not undo newer ones.
    """

    def work(_: UUID | None) -> WaitingAnswer:
        retried = services.retry(caller.account_id, dead_letter_id)
        yield from wait_until_visible(services, caller.account_id, retried.position)
        return answer(show_retry(dead_letter_id, retried), retried.position)

    return (
        yield from answer_once(
            services, caller, idempotency_key, (f"POST /v1/dead-letters/{dead_letter_id}/retry", b""), work
        )
    )
