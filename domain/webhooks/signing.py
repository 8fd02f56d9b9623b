"""How a message is signed, as the specification Standard Webhooks says: HMAC-SHA256 of id, timestamp and body.

Used by `consumers.webhooks` for each request. A receiver checks it with any library of that specification, or as
deploy/docs/webhooks.md shows.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_bytes

PREFIX = "whsec_"
SECRET_BYTES = 32
# How long the secret before the present one signs too, so that receivers can change over.
GRACE = timedelta(hours=24)


def new_secret(given: bytes | None = None) -> str:
    """Returns a fresh random secret, or the one that is made of these 32 bytes."""
    return PREFIX + b64encode(given or token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Returns the headers of a message that is sent at an instant, with a signature for each of its secrets."""
    timestamp = str(int(at.timestamp()))
    signatures = [_signature(message_id, timestamp, body, each) for each in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }


def _signature(message_id: str, timestamp: str, body: bytes, secret: str) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, sha256)).decode()
