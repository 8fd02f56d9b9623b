"""Around every request: its id, its log event, its metrics, the security headers, and errors that nothing else caught.

A plain ASGI wrapper, outermost in `api.app`. The log event names the route, never what was sent: no customer
values in logs. An unexpected error becomes a 500 with the request's id.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import internal
from domain.instants import Arrival, Door, micros

REQUESTS = Counter("rollcall_http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("rollcall_http_request_seconds", "Time from request to answer.", ["method", "route"])
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]
# How much of a refused request's body is read on, beyond the limit of its address where that was not read either; and
# how long its client may pause in it.
MOST_THROWN_AWAY = 32 << 20
THROW_AWAY_PAUSE = 5.0  # seconds
# When a request was received, on the process's counter of seconds; kept in its state.
BEGAN = "began"
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
log = structlog.get_logger(__name__)


class InstrumentedApp:
    """The ASGI application `inner` with logs, metrics and security headers."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        body = _Body(scope, receive)
        answer = _Answer(send, request_id, body)
        began = scope.setdefault("state", {})[BEGAN] = time.perf_counter()
        try:
            await self.inner(scope, body.receive, answer.send)
        except ClientDisconnect:
            answer.status = 499
        except Exception:
            log.exception("request_failed", method=scope["method"], route=_route(scope))
            if answer.status == 0:
                await internal()(scope, body.receive, answer.send)
        _record(scope, answer.status, time.perf_counter() - began)


def arrival_of(request: Request, now: datetime, door: Door) -> Arrival:
    """Returns when a request was received, where it is `now`: before it waited for a thread or its turn."""
    waited = time.perf_counter() - getattr(request.state, BEGAN)
    return Arrival(door, micros(now) // 1000 - int(waited * 1000))


class _Body:
    """The request's body, of which the rest can be read and thrown away.

    A client that sends before it reads does not see an answer that ends the connection while it is sending.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._state = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        # A client that asks first is answered before it sends.
        self._asks_first = "expect" in headers
        self._more = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

    async def receive(self) -> Message:
        message = await self._receive()
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def throw_away_rest(self) -> None:
        """Read what still comes, as far as the limits go."""
        left = MOST_THROWN_AWAY + int(self._state.get("unread", 0))
        with suppress(TimeoutError):
            while self._more and not self._asks_first and left > 0:
                async with asyncio.timeout(THROW_AWAY_PAUSE):
                    left -= len((await self.receive()).get("body", b""))


class _Answer:
    """The response, with our headers added. `status` is 0 until it began."""

    def __init__(self, send: Send, request_id: str, body: _Body) -> None:
        self._send = send
        self._request_id = request_id
        self._body = body
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400:
                await self._body.throw_away_rest()
            given = {name for name, _ in message["headers"]}
            ours = [header for header in _SECURITY if header[0] not in given]
            message["headers"] = [*message["headers"], *ours, (b"x-request-id", self._request_id.encode())]
        await self._send(message)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
    asked_by = {name: value for name, value in scope.get("state", {}).items() if name in ("account", "key")}
    log.info("request_answered", method=method, route=route, status=status, ms=round(seconds * 1000, 1), **asked_by)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    # The console and the documents are mounted below paths of their own.
    return f"{scope.get('root_path', '')}{route.path_format}" if hasattr(route, "path_format") else "unknown"


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(given := value.decode("latin-1")):
            return str(given)
    return uuid4().hex
