"""What surrounds every page of the console: no request from another site, no endless form, nothing from elsewhere.

A request that changes something must come from a page of this console. Browsers say where a request comes from
(Fetch Metadata; `Origin` in the older ones), scripts of other sites cannot say otherwise, and a request that does
not say is refused. Together with the session's `SameSite` cookie this replaces tokens in forms.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    ]
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Protected:
    """The ASGI application `inner`, closed to other sites."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "/static/" in scope["path"]:
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        if scope["method"] in SAFE or same_origin(Headers(scope=scope)):
            await self.inner(scope, receive, answer)
            return
        refused = PlainTextResponse("Refused: this request does not come from a page of the console.", 403)
        await refused(scope, receive, answer)


class Bounded:
    """The ASGI application `inner`, which is sent at most `form` bytes, or `upload` bytes with a file.

    Forms are read before anybody asks who sent them, so that the limit cannot be left to the pages.
    """

    def __init__(self, inner: ASGIApp, *, form: int, upload: int) -> None:
        self.inner = inner
        self.form = form
        self.upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; whoever reads more of it than it may hold is answered with 413."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self.upload if headers.get("content-type", "").startswith("multipart/") else self.form
        declared = headers.get("content-length", "")
        came = int(declared) if declared.isascii() and declared.isdigit() else 0
        too_large = HTTPException(413, f"At most {limit:,} bytes at a time.")

        async def counted() -> Message:
            nonlocal came
            if came > limit:
                raise too_large
            message = await receive()
            if not declared:
                came += len(message.get("body", b""))
            if came > limit:
                raise too_large
            return message

        await self.inner(scope, counted, send)


def same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from one of our own pages."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
