"""API keys: `/v1/keys`. A key is shown once, when it is created; only its hash is kept.

Where a request has an `Idempotency-Key`, the new key is derived from it and the installation's secret:
a repeat shows the same key although it is stored nowhere.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.access import Admin, Caller, Reader, key_from_bytes
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once, identity_of
from api.http.json_body import Body, parse_body
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, PathText
from api.http.read_your_writes import WaitingAnswer, snapshot
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.keys import EXAMPLE, Key, KeyBody, NewKey, show_key
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from domain.account import new_secret
from domain.errors import Refused
from projections.records import api_keys

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=AccountRoute)


@router.post(
    "",
    operation_id="create_key",
    status_code=201,
    response_model=NewKey,
    responses=answers(
        {201: ("The key, shown only once.", {"id": "key_2b1f00c6d1a3e4f5", "key": "rollcall_…"})}, 400, 409, 413, 415
    ),
    openapi_extra=takes(KeyBody, {"name": "CRM sync", "kind": "write"}),
)
def create_key(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create an API key of this account."""
    asked = parse_body(body, KeyBody)
    shown: list[str] = []

    def work(identity: UUID | None) -> Response:
        key_id, key, position = _create(services, caller, asked, identity)
        shown.append(key)
        # The key itself is left out of what is kept for repeats.
        return answer({"id": key_id}, position, status=201)

    kept = yield from answer_once(services, caller, idempotency_key, ("POST /v1/keys", body), work)
    key = shown[0] if shown else _secret(services, identity_of(caller, "POST /v1/keys", idempotency_key or ""))
    fresh = new_secret(key)
    if f'"{fresh.key_id}"'.encode() not in bytes(kept.body):
        raise Refused("key_shown_already", "this key was shown already; revoke it and ask for another")
    new: NewKey = {"id": fresh.key_id, "key": key}
    return answer(new, int(kept.headers["Rollcall-Position"]), status=201)


def _create(services: Services, caller: Caller, asked: KeyBody, identity: UUID | None) -> tuple[str, str, int]:
    secret = None if identity is None else _secret(services, identity)
    try:
        made = services.rollcall.keys.create(caller.account_id, asked.name, asked.kind, secret, by=caller.key_id)
    except Refused as refused:
        if secret is None or refused.code != "key_exists":
            raise
        return new_secret(secret).key_id, secret, services.rollcall.head()
    return made.id, made.key, made.position


def _secret(services: Services, identity: UUID) -> str:
    return key_from_bytes(hmac.digest(services.secret, identity.bytes, sha256))


@router.get(
    "",
    operation_id="list_keys",
    response_model=PageOf[Key],
    responses=answers({200: ("Keys, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_keys(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List the account's API keys, newest first."""
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), str(page.after[1]))
    with snapshot(services, caller.account_id) as (connection, position):
        rows = api_keys.page(connection, caller.account_id, before=before, limit=page.fetch)
        body = page.page(
            rows,
            show_key,
            lambda row: (row.created_at, row.key_id),
            lambda: api_keys.count(connection, caller.account_id),
        )
    return answer(body, position)


@router.delete(
    "/{key_id}",
    operation_id="revoke_key",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Revoked: requests with it are refused from now on.", None)}, 404, 409),
)
def revoke_key(services: ServicesDep, caller: Admin, key_id: PathText) -> Response:
    """Revoke an API key."""
    if key_id == caller.key_id:
        raise Refused(
            "own_key", "a key cannot revoke itself, so that you cannot lock yourself out; use another admin key"
        )
    return no_content(services.rollcall.keys.revoke(caller.account_id, key_id, by=caller.key_id))
