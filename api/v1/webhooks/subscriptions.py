"""Webhooks: create, list, read, edit, delete. The secret is shown once, when a webhook is created.

A webhook is a row, so that an answer holds what was written, however far the read models are behind. Where a request
has an `Idempotency-Key`, the secret is derived from it, as an API key is: a repeat shows the same one.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from api.http.access import Admin
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once, identity_of
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_webhook_id
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, IfMatch, PathId, parse_if_match
from api.http.read_your_writes import WaitingAnswer, current_position
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from api.http.shapes.webhooks import EXAMPLE, NewWebhook, Webhook, WebhookBody, WebhookPatch, show_webhook
from domain import json_text
from domain.webhooks.signing import new_secret
from domain.webhooks.subscription import Subscription
from projections.webhooks import subscriptions
from projections.webhooks.subscriptions import WebhookRow

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=AccountRoute)
CREATE = "POST /v1/webhooks"


@router.post(
    "",
    operation_id="create_webhook",
    status_code=201,
    response_model=NewWebhook,
    responses=answers(
        {201: ("The webhook, with its secret, shown only once.", EXAMPLE | {"secret": "whsec_…"})},
        400,
        409,
        413,
        415,
        headers=("Rollcall-Position", "ETag", "Location"),
    ),
    openapi_extra=takes(WebhookBody, {"url": EXAMPLE["url"], "segment_ids": EXAMPLE["segment_ids"]}),
)
def create_webhook(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Have membership changes delivered to an address, from the next one on, or with all present members first.

    Messages are signed as Standard Webhooks says. Each arrives at least once, those of a customer in order.
    """
    asked = parse_body(body, WebhookBody)
    subscription = services.rollcall.webhooks.checked(
        caller.account_id, _subscription_of(asked), services.webhook_networks
    )
    random_secret = new_secret()

    def work(identity: UUID | None) -> Response:
        row = subscriptions.create(
            services.database,
            caller.account_id,
            identity or uuid4(),
            subscription,
            random_secret if identity is None else _secret(services, identity),
            full_send=asked.full_send,
            now=services.rollcall.now(),
        )
        return shown(services, row, status=201)

    kept = yield from answer_once(services, caller, idempotency_key, (CREATE, body), work)
    if kept.status_code != 201:
        return kept
    secret = random_secret
    if idempotency_key is not None:
        secret = _secret(services, identity_of(caller, CREATE, idempotency_key))
    return with_secret(kept, secret)


@router.get(
    "",
    operation_id="list_webhooks",
    response_model=PageOf[Webhook],
    responses=answers({200: ("Webhooks, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_webhooks(services: ServicesDep, caller: Admin, page: Page) -> Response:
    """List webhooks, newest first."""
    account_id = caller.account_id
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
    position = current_position(services, account_id)
    with services.database.transaction(account_id) as connection:
        rows = subscriptions.page(connection, account_id, before=before, limit=page.fetch)
        body = page.page(
            rows,
            lambda row: show_webhook(row, subscriptions.waiting(connection, row, _segments_of(services, row))),
            lambda row: (row.created_at, row.webhook_id),
            lambda: subscriptions.count(connection, account_id),
        )
    return answer(body, position)


@router.get(
    "/{webhook_id}",
    operation_id="get_webhook",
    response_model=Webhook,
    responses=answers({200: ("The webhook.", EXAMPLE)}, 404, 504, headers=("Rollcall-Position", "ETag")),
)
def get_webhook(services: ServicesDep, caller: Admin, webhook_id: PathId) -> Response:
    """Read a webhook: what it is for, its state, and how many changes wait."""
    with services.database.transaction(caller.account_id) as connection:
        row = subscriptions.by_id(connection, caller.account_id, parse_webhook_id(webhook_id))
    return shown(services, row)


@router.patch(
    "/{webhook_id}",
    operation_id="edit_webhook",
    response_model=Webhook,
    responses=answers(
        {200: ("The webhook.", EXAMPLE)}, 400, 404, 409, 412, 413, 415, headers=("Rollcall-Position", "ETag")
    ),
    openapi_extra=takes(WebhookPatch, {"state": "paused"}),
)
def edit_webhook(
    services: ServicesDep, caller: Admin, webhook_id: PathId, body: Body, if_match: IfMatch = None
) -> Response:
    """Change a webhook; what is absent stays. `state` pauses it, which keeps what waits, or lets it go on.

    What is delivered changes with the next message. Present members of a segment that is added are not sent, unless
    `full_send` asks for all of them again. A paused webhook whose next changes are no longer kept can go on only with
    `full_send`: 409 `changes_forgotten`.
    """
    version = parse_if_match(if_match)
    asked = parse_body(body, WebhookPatch)
    account_id, wanted = caller.account_id, parse_webhook_id(webhook_id)
    with services.database.transaction(account_id) as connection:
        before = subscriptions.by_id(connection, account_id, wanted).subscription
    named = asked.model_fields_set & set(Subscription._fields)
    edits = {field: _stored(getattr(asked, field)) for field in named}
    checked = services.rollcall.webhooks.checked(account_id, before._replace(**edits), services.webhook_networks, named)
    row = subscriptions.edit(
        services.database,
        account_id,
        wanted,
        {field: getattr(checked, field) for field in named},
        expected=version,
        state=asked.state if "state" in asked.model_fields_set else None,
        full_send=asked.full_send,
        now=services.rollcall.now(),
    )
    return shown(services, row)


@router.delete(
    "/{webhook_id}",
    operation_id="delete_webhook",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Deleted, with what waited for it.", None)}, 400, 404, 412),
)
def delete_webhook(services: ServicesDep, caller: Admin, webhook_id: PathId, if_match: IfMatch = None) -> Response:
    """Delete a webhook. What waits for it is not delivered; a message that is on its way may still arrive."""
    version = parse_if_match(if_match)
    subscriptions.delete(services.database, caller.account_id, parse_webhook_id(webhook_id), version)
    return no_content(services.rollcall.head())


def shown(services: Services, row: WebhookRow, *, status: int = 200) -> Response:
    """Returns a webhook as a response, with its backlog and its ETag."""
    with services.database.transaction(row.account_id) as connection:
        backlog = subscriptions.waiting(connection, row, _segments_of(services, row))
    location = f"/v1/webhooks/{row.webhook_id}" if status == 201 else None
    body = show_webhook(row, backlog)
    return answer(body, services.rollcall.head(), status=status, version=row.version, location=location)


def with_secret(kept: Response, secret: str) -> Response:
    """Returns an answer with a secret in it, which is left out of what is kept for repeats."""
    body = json_text.dumps(json_text.loads(bytes(kept.body)) | {"secret": secret})
    headers = {name: value for name, value in kept.headers.items() if name != "content-length"}
    return Response(body, kept.status_code, headers | {"Cache-Control": "no-store"}, "application/json")


def _segments_of(services: Services, row: WebhookRow) -> Sequence[UUID] | None:
    return services.rollcall.webhooks.segments_of(row.account_id, row.subscription)


def _subscription_of(asked: WebhookBody) -> Subscription:
    values: dict[str, Any] = {field: _stored(getattr(asked, field)) for field in Subscription._fields}
    return Subscription(**values)


def _stored(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _secret(services: Services, identity: UUID) -> str:
    return new_secret(hmac.digest(services.secret, identity.bytes, sha256))
