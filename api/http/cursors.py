"""Cursors: where a page ended, as an opaque text that a client sends back for the next one.

A cursor is signed together with the list it belongs to, so that it cannot be made up nor used elsewhere.
Used by `api.http.paging`.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from api.http.problems import RequestError
from domain import json_text
from domain.errors import Invalid

SIGNATURE_BYTES = 16


def sign_cursor(secret: bytes, scope: bytes, sort_key: Sequence[Any]) -> str:
    """Returns the cursor after the row with this sort key; `scope` is the list, with its account and filters."""
    payload = json_text.dumps(list(sort_key))
    return urlsafe_b64encode(_signature(secret, scope, payload) + payload).decode().rstrip("=")


def parse_cursor(secret: bytes, scope: bytes, cursor: str) -> list[Any]:
    """Returns the sort key in a cursor. Raises `RequestError` where it was not signed for this list."""
    try:
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        payload = packed[SIGNATURE_BYTES:]
        if hmac.compare_digest(packed[:SIGNATURE_BYTES], _signature(secret, scope, payload)):
            sort_key: list[Any] = json_text.parse(payload)
            return sort_key
    except (BadBase64, UnicodeEncodeError, Invalid):
        pass
    detail = "not a cursor of this list with these filters; start without one"
    raise RequestError(400, "invalid_cursor", detail, pointer="/query/cursor")


def _signature(secret: bytes, scope: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, scope + b"\n" + payload, sha256)[:SIGNATURE_BYTES]
