"""One HTTP request to a server that an operator has named: a schema registry, or where logins get their tokens.

Used by `consumers.tokens` and `consumers.schema_registry`. Follows no redirect, so that a secret is sent to no other
server than the one that was named, and reads a bounded answer.
"""

from __future__ import annotations

import http.client
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 8 << 20


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes


class NoAnswerError(Exception):
    """The server could not be reached, or broke off; the text says why, without anything secret."""


def basic(user: str, password: str) -> str:
    """Returns the header `Authorization` of a user and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def request(
    url: str, path: str = "", *, authorization: str | None = None, form: Mapping[str, str] | None = None,
    ca: Path | None = None,
) -> Answer:  # fmt: skip
    """Returns the answer to a GET of `url` and `path`, or with `form` to a POST of it. Raises `NoAnswerError`.

    `ca` holds the authorities to trust instead of those of the machine.
    """
    parts = urlsplit(url)
    headers = {"Accept": "application/json"} | ({"Authorization": authorization} if authorization else {})
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection: http.client.HTTPConnection | None = None
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
            connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
        query = f"?{parts.query}" if parts.query and not path else ""
        body = None if form is None else urlencode(form)
        connection.request("GET" if form is None else "POST", f"{parts.path.rstrip('/')}{path}{query}", body, headers)
        answer = connection.getresponse()
        content = answer.read(MOST_BYTES + 1)
    except ssl.SSLCertVerificationError as error:
        raise NoAnswerError(f"its certificate is not accepted: {error.verify_message}") from None
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(str(error) or type(error).__name__) from None
    finally:
        if connection is not None:
            connection.close()
    if len(content) > MOST_BYTES:
        raise NoAnswerError(f"its answer is longer than {MOST_BYTES:,} bytes")
    return Answer(answer.status, content)
