"""How a webhook's deliveries go: the log of attempts, a test, sending again from a position, another secret."""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from api.http.access import Admin
from api.http.dependencies import ServicesDep
from api.http.idempotency import answer_once, identity_of
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_webhook_id
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, PathId
from api.http.read_your_writes import WaitingAnswer, current_position
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from api.http.shapes.webhooks import (
    EXAMPLE,
    EXAMPLE_DELIVERY,
    Delivery,
    RedeliveryBody,
    Secret,
    TestSent,
    Webhook,
    show_delivery,
)
from api.v1.webhooks.subscriptions import shown, with_secret
from domain.webhooks.signing import GRACE, new_secret
from projections.webhooks import deliveries, subscriptions

router = APIRouter(prefix="/v1/webhooks/{webhook_id}", tags=["webhooks"], route_class=AccountRoute)


@router.get(
    "/deliveries",
    operation_id="list_deliveries",
    response_model=PageOf[Delivery],
    responses=answers(
        {200: ("Attempts, newest first.", {"data": [EXAMPLE_DELIVERY], "next_cursor": None})}, 400, 404, 504
    ),
)
def list_deliveries(services: ServicesDep, caller: Admin, webhook_id: PathId, page: Page) -> Response:
    """List the attempts to deliver a webhook's messages, newest first. They are kept for seven days."""
    account_id, wanted = caller.account_id, parse_webhook_id(webhook_id)
    before = None if page.after is None else int(page.after[0])
    position = current_position(services, account_id)
    with services.database.transaction(account_id) as connection:
        subscriptions.by_id(connection, account_id, wanted)
        rows = deliveries.page(connection, account_id, wanted, before=before, limit=page.fetch)
        body = page.page(
            rows,
            show_delivery,
            lambda row: (row.delivery_no,),
            lambda: deliveries.count(connection, account_id, wanted),
        )
    return answer(body, position)


@router.post(
    "/redeliver",
    operation_id="redeliver",
    status_code=202,
    response_model=Webhook,
    responses=answers({202: ("The webhook, which sends again.", EXAMPLE)}, 400, 404, 409, 413, 415),
    openapi_extra=takes(RedeliveryBody, {"position": 8812}),
)
def redeliver(
    services: ServicesDep, caller: Admin, webhook_id: PathId, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Send every change at or after a position again, as new messages; the changes keep their ids.

    409 `changes_forgotten` where such changes are no longer kept: send all present members instead, see `full_send`.
    """
    asked = parse_body(body, RedeliveryBody)
    wanted = parse_webhook_id(webhook_id)

    def work(_: UUID | None) -> Response:
        now = services.rollcall.now()
        row = subscriptions.redeliver(services.database, caller.account_id, wanted, asked.position, now)
        return shown(services, row, status=202)

    address = f"POST /v1/webhooks/{wanted}/redeliver"
    return (yield from answer_once(services, caller, idempotency_key, (address, body), work))


@router.post(
    "/secret",
    operation_id="rotate_secret",
    response_model=Secret,
    responses=answers(
        {200: ("The new secret, shown only once.", {"secret": "whsec_…", "former_until": "2026-05-21T10:00:00Z"})},
        404,
        409,
    ),
)
def rotate_secret(
    services: ServicesDep, caller: Admin, webhook_id: PathId, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Replace the secret. For 24 hours each message carries a signature of the new one and one of the one before it."""
    wanted = parse_webhook_id(webhook_id)
    address = f"POST /v1/webhooks/{wanted}/secret"
    identity = uuid4() if idempotency_key is None else identity_of(caller, address, idempotency_key)
    secret = new_secret(hmac.digest(services.secret, identity.bytes, sha256))

    def work(_: UUID | None) -> Response:
        now = services.rollcall.now()
        subscriptions.rotate(services.database, caller.account_id, wanted, secret, now)
        return answer({"former_until": now + GRACE}, services.rollcall.head())

    kept = yield from answer_once(services, caller, idempotency_key, (address, b""), work)
    if kept.status_code != 200:
        return kept
    return with_secret(kept, secret)


@router.post(
    "/test",
    operation_id="send_test",
    status_code=202,
    response_model=TestSent,
    responses=answers({202: ("The test, which is on its way.", {"message_id": EXAMPLE_DELIVERY["message_id"]})}, 404),
)
def send_test(
    services: ServicesDep, caller: Admin, webhook_id: PathId, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Send a test message once, also where the webhook is paused; the result will be among its deliveries."""
    wanted = parse_webhook_id(webhook_id)

    def work(identity: UUID | None) -> Response:
        test_id = identity or uuid4()
        subscriptions.ask_for_test(services.database, caller.account_id, wanted, test_id)
        return answer({"message_id": f"msg_{test_id.hex}"}, services.rollcall.head(), status=202)

    address = f"POST /v1/webhooks/{wanted}/test"
    return (yield from answer_once(services, caller, idempotency_key, (address, b""), work))
