"""Who is asking: the API key of a request, and what its kind may do.

Every route takes one of `Reader`, `Writer`, `Admin` as a parameter, or `Collector` of `api.ingest.write_key`, which is
how it declares its scope; a test fails where a route has none. A request sees only the account of its key.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from api.http.dependencies import Services, ServicesDep
from api.http.instrumentation import arrival_of
from api.http.problems import RequestError
from domain.instants import Arrival
from projections.records.api_keys import authenticate

ALLOWS: dict[str, frozenset[str]] = {
    "admin": frozenset({"admin", "read", "ingest", "collect"}),
    "read": frozenset({"read"}),
    "write": frozenset({"ingest", "collect"}),
    # Published in web pages: it may do what analytics SDKs do, and nothing else.
    "sdk": frozenset({"collect"}),
}

REMEDY = "send a valid API key as Authorization: Bearer <api key>"
bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="An API key; it belongs to one account.")


@dataclass(frozen=True, slots=True)
class Caller:
    """The account and key that a request acts for, and when it was received."""

    account_id: UUID
    key_id: str
    kind: str
    arrival: Arrival

    @property
    def by(self) -> str:
        """Who asks, as events keep it."""
        return f"key:{self.key_id}"


def key_from_bytes(secret: bytes) -> str:
    """Returns the API key that is made of secret bytes."""
    return "rollcall_" + urlsafe_b64encode(secret).decode().rstrip("=")


async def counted_key(
    request: Request,
    services: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> bytes | None:
    """Returns the hash of the request's key, counted by its limits. Raises `RequestError` (429)."""
    return None if credentials is None else count_key(request, services, credentials.credentials)


def count_key(request: Request, services: Services, key: str, *, queues: bool = False) -> bytes:
    """Returns the hash of a key, counted by its limits before a thread or the database is needed.

    Raises `RequestError` (429).
    """
    secret = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    waits = bool(request.scope["query_string"]) and "min_position" in request.query_params
    request.state.rate = services.limits.count_known(secret, waits=waits, queues=queues)
    return secret


def caller(
    request: Request,
    scopes: SecurityScopes,
    services: ServicesDep,
    secret: Annotated[bytes | None, Depends(counted_key)],
) -> Caller:
    """Returns the caller. Raises `RequestError` where the key is unknown, or its kind lacks a scope of the route."""
    return caller_of(request, services, secret, scopes)


def caller_of(
    request: Request, services: Services, secret: bytes | None, scopes: SecurityScopes, remedy: str = REMEDY
) -> Caller:
    """Returns the caller whose key has this hash. Raises `RequestError` as `caller`; `remedy` says what to send."""
    holder = None if secret is None else authenticate(services.database, secret)
    if holder is None:
        raise RequestError(401, "unauthorized", remedy, headers={"WWW-Authenticate": "Bearer"})
    if not ALLOWS.get(holder.kind, frozenset()).issuperset(scopes.scopes):
        raise RequestError(403, "forbidden", f"a key of kind {holder.kind} may not do this")
    account = str(holder.account_id)
    request.state.account_id, request.state.account, request.state.key = holder.account_id, account, holder.key_id
    if secret is not None and request.state.rate is None:
        request.state.rate = services.limits.count_new_key(secret, holder.key_id, account)
    arrival = arrival_of(request, services.rollcall.now(), "http")
    return Caller(holder.account_id, holder.key_id, holder.kind, arrival)


Reader = Annotated[Caller, Security(caller, scopes=["read"])]
Writer = Annotated[Caller, Security(caller, scopes=["ingest"])]
Admin = Annotated[Caller, Security(caller, scopes=["admin"])]
