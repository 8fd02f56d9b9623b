"""HTTP connections with an end: what uvicorn does not limit. Used by `deploy.roles.api`.

A request's headers must come within `header_seconds`; of its body something at least every `body_seconds`, and in all
at a pace of `BODY_PACE`; and a client must take something of an answer every `answer_seconds`. Who is late is answered
408 where that is still possible, and the connection is closed. Above `most` connections the one that has waited longest
without a request gives way to a new one, so that half-sent requests never keep out whole ones.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import time
from typing import NamedTuple

import structlog
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.lists.streams import ABORT
from api.http.problems import problem

# Bytes per second, after the first `body_seconds`.
BODY_PACE = 1_000
LOOK_SECONDS = 1.0
# Files that are open beside connections: sessions of the database, uploads, code.
OTHER_FILES = 160
log = structlog.get_logger(__name__)


class ConnectionLimits(NamedTuple):
    """The figures that deployments set."""

    most: int
    header_seconds: float
    body_seconds: float
    answer_seconds: float


def connections_within_files(most: int) -> int:
    """Raises the limit of open files as far as it may be. Returns how many connections fit in it, at most `most`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < most + OTHER_FILES:
        soft = most + OTHER_FILES if hard == resource.RLIM_INFINITY else min(hard, most + OTHER_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(16, min(most, soft - OTHER_FILES))


def limited_protocol(limits: ConnectionLimits) -> type[HttpToolsProtocol]:
    """Returns the protocol of connections within these limits, for one server."""
    # In the order in which they began to wait for a request.
    waiting: dict[LimitedConnection, None] = {}
    return type("Connection", (LimitedConnection,), {"limits": limits, "all_waiting": waiting})


class LimitedConnection(HttpToolsProtocol):
    """A connection. Its timer looks every second at what it waits for."""

    limits: ConnectionLimits
    all_waiting: dict[LimitedConnection, None]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._received = 0
        self._headers_since: float | None = time.monotonic()
        self._body_since = self._last_byte = self._last_taken = self._headers_since
        self._unsent = 0
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        self.all_waiting[self] = None
        if len(self.connections) > self.limits.most:
            oldest = next(iter(self.all_waiting))
            log.warning("connections_full", most=self.limits.most)
            oldest.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._timer.cancel()
        self.all_waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note when something came."""
        self._last_byte = time.monotonic()
        self._received += len(data)
        if self._is_idle and self._headers_since is None:
            self._headers_since = self._last_byte
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give the request a way to end its connection at once."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.abort}}

    def on_headers_complete(self) -> None:
        """The request is one: from now on its body is waited for."""
        self._headers_since = None
        self._body_since, self._received = time.monotonic(), 0
        self.all_waiting.pop(self, None)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and self._is_idle:
            self.all_waiting[self] = None

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def abort(self) -> None:
        """End it at once. What was not sent yet is thrown away, by the operating system too."""
        with socket.fromfd(self.transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _look(self) -> None:
        now = time.monotonic()
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent:
            self._last_taken = now
        self._unsent = unsent
        if now - self._last_taken > self.limits.answer_seconds:
            self.abort()
        elif self._is_idle:
            if self._headers_since is not None and now - self._headers_since > self.limits.header_seconds:
                self._end("the request's headers did not come in time", answer=self._received > 0)
        elif self.cycle.more_body and self.flow.read_paused:
            # The client waits for us.
            self._last_byte, self._body_since, self._received = now, now, 0
        elif self.cycle.more_body and not self.cycle.waiting_for_100_continue:
            allowed = self.limits.body_seconds + self._received / BODY_PACE
            if now - self._last_byte > self.limits.body_seconds or now - self._body_since > allowed:
                self._end("the request's body did not come in time", answer=not self.cycle.response_started)
        if not self.transport.is_closing():
            self._timer = self.loop.call_later(LOOK_SECONDS, self._look)

    def _end(self, detail: str, *, answer: bool) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if answer:
            refused = problem(408, "request_timeout", detail)
            headers = [*refused.raw_headers, CLOSE_HEADER]
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            self.transport.write(STATUS_LINE[408] + lines + b"\r\n" + bytes(refused.body))
        self.transport.close()
