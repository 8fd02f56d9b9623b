"""CORS for the addresses that web pages of other sites send to; added to the application by `api.app`.

Any site may send: who may is decided by the key, never by cookies, so that no page can act for a person who is signed
in. Every answer of these addresses can be read by the page, errors too, or its SDK would not know when to repeat.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANSWER = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id",
}
ASKED_AGAIN_AFTER = "86400"  # seconds
_NAMES = re.compile(r"[A-Za-z0-9-]+(?:\s*,\s*[A-Za-z0-9-]+)*")


class CrossOrigin:
    """The ASGI application `inner`, whose `paths` answer pages of every origin."""

    def __init__(self, inner: ASGIApp, paths: Collection[str]) -> None:
        self.inner = inner
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or a browser's question whether it may send one."""
        if scope["type"] != "http" or scope["path"] not in self.paths:
            await self.inner(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _allowed(headers)(scope, receive, send)
            return

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ANSWER)
            await send(message)

        await self.inner(scope, receive, send_readable)


def _allowed(headers: Headers) -> Response:
    """Returns the answer that lets a browser send what it asks for: all of it is checked when it comes."""
    asked = headers.get("access-control-request-headers", "")
    named = {"Access-Control-Allow-Headers": asked} if _NAMES.fullmatch(asked) else {}
    allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": ASKED_AGAIN_AFTER}
    return Response(status_code=204, headers={**ANSWER, **allowed, **named})
