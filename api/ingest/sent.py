"""What an SDK has sent: a JSON body, compressed or not, with limits that hold before its key is known and after.

SDKs of browsers put their key into the body, so a body without a key beside it is read before the key is checked: up to
the size of any other JSON body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import Request

from api.http.json_body import limited_chunks
from domain import json_text
from domain.errors import Unavailable

MAX_SENT, MAX_INFLATED = 4 << 20, 10 << 20


@dataclass
class Sent:
    """A body as it was received, unpacked; parsed once, in a thread."""

    raw: bytes

    @cached_property
    def value(self) -> Any:
        """The JSON value. Raises `Invalid`."""
        return json_text.parse(self.raw)


async def receive(request: Request, limit: int, limit_inflated: int) -> Sent:
    """Returns the body of a request. Raises `RequestError` (400, 413, 415).

    Whatever it is called, it is JSON: browsers send text, which needs no question before, and RudderStack's SDK for
    Node.js calls a compressed body a form.
    """
    return Sent(b"".join([chunk async for chunk in limited_chunks(request, limit, limit_inflated)]))


def interrupted(failure: Unavailable, done: int) -> Unavailable:
    """Returns the error of a batch of which the first `done` were stored before the database went away."""
    if not done:
        return failure
    detail = f"the first {done:,} were taken, the next ones may not be; send all of them again"
    return Unavailable("batch_interrupted", detail)
