"""Protects the console from other sites: no request from another site is accepted, no page loads or appears elsewhere.

A request that changes something must come from a page of this console. Browsers say where a request comes from
(Fetch Metadata; `Origin` in older ones), scripts of other sites cannot forge that, and a request without it is
refused. Together with the session's `SameSite` cookie this replaces tokens in forms.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
KEPT = "public, max-age=31536000, immutable"
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class CsrfProtection:
    """ASGI middleware that refuses requests from other sites and adds the security headers to every answer."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on, or refuses it with 403."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if "/static/" in scope["path"]:
                    # An address with the hash of its content never means another one.
                    kept = KEPT if scope["query_string"] and message["status"] < 300 else "no-cache"
                    headers.setdefault("Cache-Control", kept)
            await send(message)

        if scope["method"] in SAFE_METHODS or is_same_origin(Headers(scope=scope)):
            await self.inner(scope, receive, send_with_headers)
            return
        refused = PlainTextResponse("Refused: this request does not come from a page of the console.", 403)
        await refused(scope, receive, send_with_headers)


def is_same_origin(headers: Headers) -> bool:
    """Returns whether a request was sent by a page of this console."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
