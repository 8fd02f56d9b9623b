"""Limits how many bytes a request to the console can send, before any handler reads them.

FastAPI reads forms before it checks who sent them, so the limit cannot be left to the pages.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware that accepts at most `form` bytes in a body, or `upload` bytes in one with a file."""

    def __init__(self, inner: ASGIApp, *, form: int, upload: int) -> None:
        self.inner = inner
        self.form = form
        self.upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on; as soon as more than the limit is read, the answer is 413."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self.upload if headers.get("content-type", "").startswith("multipart/") else self.form
        declared = headers.get("content-length", "")
        size = int(declared) if declared.isascii() and declared.isdigit() else 0
        too_large = HTTPException(413, f"At most {limit:,} bytes at a time.")

        async def receive_within_limit() -> Message:
            nonlocal size
            if size > limit:
                raise too_large
            message = await receive()
            if not declared:
                size += len(message.get("body", b""))
            if size > limit:
                raise too_large
            return message

        await self.inner(scope, receive_within_limit, send)
