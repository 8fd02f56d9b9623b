"""Who sends by an SDK: the write key as user of Basic, as Bearer, or in the body as `writeKey`, in this order.

A page of another site may only use a key of kind `sdk`: every visitor can read it.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator
from typing import Annotated, NamedTuple

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, SecurityScopes

from api.http.access import Caller, bearer, caller_of, count_key
from api.http.dependencies import ServicesDep
from api.http.problems import RequestError
from api.ingest.sent import MAX_INFLATED, MAX_SENT, Sent, receive

REMEDY = "send the write key as the user of Authorization: Basic, as Bearer <write key>, or as writeKey in the body"


class _WriteKey(HTTPBasic):
    """Basic authorization, with our own answer where it is malformed."""

    async def __call__(self, request: Request) -> HTTPBasicCredentials | None:  # type: ignore[override]
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = b64decode(given, validate=True).decode().partition(":")
        except (NotBase64, ValueError):
            user = password = ""
        return HTTPBasicCredentials(username=user, password=password)


class Collected(NamedTuple):
    """Who sent, and what."""

    caller: Caller
    sent: Sent


_basic = _WriteKey(auto_error=False, scheme_name="WriteKey", description="An API key as user, without password.")


async def counted_header(
    request: Request,
    services: ServicesDep,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> AsyncIterator[bytes | None]:
    """Yields the hash of the key in the header, counted by its limits, with a place among the account's senders.

    SDKs send in bursts, and repeat for a short time only: they wait here, before their bodies are read, rather than be
    refused. Raises `RequestError` (429).
    """
    key = token.credentials if token is not None else basic.username if basic is not None else None
    if key is None:
        yield None
        return
    secret = count_key(request, services, key, queues=True)
    async with services.limits.sender_of(secret):
        yield secret


def caller_by_header(
    request: Request,
    scopes: SecurityScopes,
    services: ServicesDep,
    secret: Annotated[bytes | None, Depends(counted_header)],
) -> Caller | None:
    """Returns the caller by the header, before the body is read; `None` where there is none."""
    return None if secret is None else _known(caller_of(request, services, secret, scopes, REMEDY), request)


async def sent_body(
    request: Request, services: ServicesDep, caller: Annotated[Caller | None, Depends(caller_by_header)]
) -> Sent:
    """Returns the body."""
    known = caller is not None
    return await receive(request, *((MAX_SENT, MAX_INFLATED) if known else (services.max_body, services.max_body)))


def collector(
    request: Request,
    scopes: SecurityScopes,
    services: ServicesDep,
    caller: Annotated[Caller | None, Depends(caller_by_header)],
    sent: Annotated[Sent, Depends(sent_body)],
) -> Collected:
    """Returns who sent what. Raises `RequestError` as `api.http.access.caller` does."""
    if caller is not None:
        return Collected(caller, sent)
    key = sent.value.get("writeKey") if isinstance(sent.value, dict) else None
    if not isinstance(key, str):
        key = ""
    request.state.rate = None
    secret = hashlib.sha256(key.encode()).digest()
    return Collected(_known(caller_of(request, services, secret, scopes, REMEDY), request), sent)


def _known(caller: Caller, request: Request) -> Caller:
    if "origin" in request.headers and caller.kind != "sdk":
        detail = f"a web page would publish this key of kind {caller.kind}; revoke it there, and use one of kind sdk"
        raise RequestError(403, "key_published", detail)
    return caller


Collector = Annotated[Collected, Security(collector, scopes=["collect"])]
