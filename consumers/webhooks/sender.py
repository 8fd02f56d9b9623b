"""Sends one request to a webhook's address and says what the receiver answered. Never raises because of a receiver.

The only module that knows the HTTP client. It follows no redirect, reads the beginning of an answer and no more, and
gives up after `seconds` in all, however slowly a receiver sends. Used by many threads at once.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Literal, NamedTuple

import httpcore
from httpcore import ConnectionPool, Response

from consumers.webhooks.checked_network import (
    CheckedNetwork,
    Deadline,
    ForbiddenAddress,
    Resolve,
    UnknownName,
    resolve,
)
from domain.webhooks.addresses import Networks, is_allowed, may_reach

SHOWN = 500  # characters
READ_AT_MOST = 1 << 16  # bytes
_LOST = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)
KEPT_OPEN, KEPT_OPEN_SECONDS = 64, 15.0
Failure = Literal["status", "redirect", "gone", "timeout", "connection", "tls", "name", "address", "protocol"]


class Answer(NamedTuple):
    """What became of a request: it was accepted where `failure` is `None`. `retry_after` is what the receiver asks."""

    status: int | None
    failure: Failure | None
    detail: str | None
    beginning: str
    seconds: float
    retry_after: timedelta | None = None


class Sender:
    """Posts to public addresses, and to those in the networks `allowed`; without TLS only to these."""

    def __init__(
        self,
        allowed: Networks,
        *,
        seconds: float = 15.0,
        authorities: ssl.SSLContext | None = None,
        resolve_name: Resolve = resolve,
    ) -> None:
        self.seconds = seconds
        self._deadline = Deadline()
        # Made once: the client would read the machine's authorities again for each connection.
        trusted = authorities or ssl.create_default_context()
        rules = {"https": partial(may_reach, allowed=allowed), "http": partial(is_allowed, allowed=allowed)}
        self._pools = {
            scheme: ConnectionPool(
                ssl_context=trusted,
                max_connections=None,
                max_keepalive_connections=KEPT_OPEN,
                keepalive_expiry=KEPT_OPEN_SECONDS,
                network_backend=CheckedNetwork(rule, self._deadline, resolve_name),
            )
            for scheme, rule in rules.items()
        }

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Returns what the receiver answered."""
        began = time.monotonic()
        self._deadline.until = began + self.seconds
        try:
            try:
                answer = self._post(url, headers, body)
            except _LOST:
                # A connection that was kept open may have been closed by the receiver meanwhile, or hold what it sent
                # after the end of its last answer. This one is closed now; the next is another.
                answer = self._post(url, headers, body)
        except ForbiddenAddress:
            answer = _failure("address", "the host is not at a public address; see ROLLCALL_WEBHOOK_NETWORKS")
        except UnknownName:
            answer = _failure("name", "the host's name does not resolve")
        except httpcore.TimeoutException:
            answer = _failure("timeout", f"no answer within {self.seconds:g} seconds")
        except httpcore.NetworkError as error:
            answer = _network_failure(error)
        except httpcore.ProtocolError as error:
            answer = _failure("protocol", f"not an HTTP answer: {error}"[:SHOWN])
        return answer._replace(seconds=time.monotonic() - began)

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = [("Content-Length", str(len(body))), *headers.items()]
        with self._pools[url.partition(":")[0]].stream("POST", url, headers=sent, content=body) as response:
            return _answer_of(response)

    def close(self) -> None:
        """Closes every connection."""
        for pool in self._pools.values():
            pool.close()


def _answer_of(response: Response) -> Answer:
    status, beginning = response.status, b""
    for part in response.iter_stream():
        beginning += part
        if len(beginning) > READ_AT_MOST:
            break
    shown = beginning[: 4 * SHOWN].decode("utf-8", "replace").replace("\x00", "�")[:SHOWN]
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    if 200 <= status < 300:
        return Answer(status, None, None, shown, 0)
    retry_after = _seconds_of(headers.get(b"retry-after", ""))
    if 300 <= status < 400:
        target = headers.get(b"location", "")[:SHOWN].replace("\x00", "�")
        detail = f"redirects are not followed ({status} to {target or 'nowhere'}): give the webhook its final address"
        return Answer(status, "redirect", detail, shown, 0, retry_after)
    if status == 410:
        return Answer(status, "gone", "the receiver says that it is gone for good", shown, 0)
    return Answer(status, "status", f"the receiver answered {status}", shown, 0, retry_after)


def _network_failure(error: httpcore.NetworkError) -> Answer:
    cause = error.args[0] if error.args else None  # what the client's network made it from
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _failure("tls", f"the certificate is not accepted: {cause.verify_message}"[:SHOWN])
    if isinstance(cause, ssl.SSLError):
        return _failure("tls", f"TLS failed: {cause.reason or cause}"[:SHOWN])
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else "it was closed"
    return _failure("connection", f"the connection failed: {reason.lower()}"[:SHOWN])


def _failure(failure: Failure, detail: str) -> Answer:
    return Answer(None, failure, detail, "", 0)


def _seconds_of(retry_after: str) -> timedelta | None:
    """Returns what `Retry-After` asks in seconds; an instant is not honoured, since clocks differ."""
    text = retry_after.strip()
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else None
