"""Tokens for logins with OAUTHBEARER, from a server that gives them for a client id and its secret (RFC 6749, 4.4).

Used by `deploy.kafka_access`. A token is used again until shortly before it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from consumers.http_client import NoAnswerError, basic, request
from domain import json_text
from domain.errors import Invalid, Unavailable

# A token is renewed so many seconds before it ends.
_MARGIN = 30.0


class ClientTokens:
    """The tokens of one client. `secret` returns its secret, read anew for each token."""

    def __init__(
        self, url: str, client_id: str, secret: Callable[[], str], scope: str | None = None, ca: Path | None = None
    ) -> None:
        self._url = url
        self._client_id = client_id
        self._secret = secret
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._ca = ca
        self._token = ""
        self._until = 0.0

    def __call__(self) -> str:
        """Returns a token that is valid. Raises `Unavailable`."""
        now = time.monotonic()
        if now >= self._until:
            self._token, lifetime = self._fetch()
            self._until = now + max(0.0, lifetime - _MARGIN)
        return self._token

    def _fetch(self) -> tuple[str, float]:
        try:
            login = basic(self._client_id, self._secret())
            answer = request(self._url, authorization=login, form=self._form, ca=self._ca)
        except NoAnswerError as error:
            sentence = f"The server of Kafka's tokens at {self._url} does not answer: {error}"
            raise Unavailable("broker_token_unavailable", sentence) from None
        if answer.status != 200:
            sentence = f"The server of Kafka's tokens at {self._url} refuses the client id or its secret"
            raise Unavailable("broker_login_refused", f"{sentence} (status {answer.status})")
        try:
            given = json_text.parse(answer.body)
            return str(given["access_token"]), float(given.get("expires_in", 0))
        except (Invalid, KeyError, TypeError, ValueError, AttributeError):
            sentence = f"The server of Kafka's tokens at {self._url} answers without an access_token"
            raise Unavailable("broker_token_unavailable", sentence) from None
