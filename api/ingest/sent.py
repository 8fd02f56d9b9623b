"""What an SDK has sent: a JSON body, compressed or not, with limits that hold before its key is known and after.

SDKs of browsers put their key into the body, so a body without a key beside it is read before the key is checked: up to
the size of any other JSON body.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import Request

from api.http.json_body import limited_chunks
from api.http.problems import RequestError
from domain import json_text
from domain.errors import Unavailable

MAX_SENT, MAX_INFLATED = 4 << 20, 10 << 20
ENCODINGS = ("identity", "gzip")
_GZIP = 16 + zlib.MAX_WBITS


@dataclass
class Sent:
    """A body as it was received, uncompressed of at most `limit` bytes; parsed once, in a thread."""

    raw: bytes
    encoding: str
    limit: int

    @cached_property
    def value(self) -> Any:
        """The JSON value. Raises `Invalid`, `RequestError`."""
        return json_text.parse(inflated(self.raw, self.limit) if self.encoding == "gzip" else self.raw)


async def receive(request: Request, limit: int, limit_inflated: int) -> Sent:
    """Returns the body of a request. Raises `RequestError` (413, 415).

    Whatever it is called, it is JSON: browsers send text, which needs no question before, and RudderStack's SDK for
    Node.js calls a compressed body a form.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        raise RequestError(415, "unsupported_encoding", "send the body as it is, or with Content-Encoding: gzip")
    raw = b"".join([chunk async for chunk in limited_chunks(request, limit)])
    return Sent(raw, encoding, limit_inflated)


def interrupted(failure: Unavailable, done: int) -> Unavailable:
    """Returns the error of a batch of which the first `done` were stored before the database went away."""
    if not done:
        return failure
    detail = f"the first {done:,} were taken, the next ones may not be; send all of them again"
    return Unavailable("batch_interrupted", detail)


def inflated(compressed: bytes, limit: int) -> bytes:
    """Returns what a gzip body holds. Raises `RequestError` where it is damaged, or more than `limit` bytes."""
    inflating = zlib.decompressobj(_GZIP)
    try:
        content = inflating.decompress(compressed, limit + 1)
    except zlib.error:
        content = None
    if content is not None and len(content) > limit:
        raise RequestError(413, "body_too_large", f"at most {limit:,} bytes at a time, uncompressed")
    if content is None or not inflating.eof or inflating.unused_data:
        raise RequestError(400, "malformed_gzip", "the body is not one complete gzip stream")
    return content
