"""Connections that go only where they may, and that end in time: the network below `consumers.webhooks.sender`.

A name is resolved once for each connection. Every address that it resolves to is checked, and the connection is made
to one of these very addresses: what the name resolves to a moment later does not matter. TLS and the header `Host` keep
the name. One forbidden address among several refuses them all. Nothing here reads proxy variables of the environment.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from httpcore import SOCKET_OPTION, ConnectError, ConnectTimeout, NetworkBackend, NetworkStream, SyncBackend

# The addresses, in digits, of a host name and port. Raises `OSError` where the name is unknown.
Resolve = Callable[[str, int], list[str]]
# Written at once; in between the time that is left is looked at.
WRITTEN_AT_ONCE = 1 << 16


class ForbiddenAddress(Exception):
    """The host is, or its name resolves to, an address that webhooks may not reach."""


class UnknownName(Exception):
    """The host's name does not resolve."""


class Deadline(threading.local):
    """Until when the request of this thread must have ended, on the monotonic clock, in seconds."""

    until = float("inf")

    def left(self, timeout: float | None) -> float:
        """Returns the seconds that an operation may take; at least a moment, since 0 would mean not to wait at all."""
        return max(0.001, min(self.until - time.monotonic(), timeout or float("inf")))


def resolve(host: str, port: int) -> list[str]:
    """Returns the addresses of a host by the machine's resolver, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetwork(NetworkBackend):
    """Connects to addresses that `may_reach` accepts, until `deadline`."""

    def __init__(self, may_reach: Callable[[str], bool], deadline: Deadline, resolve_name: Resolve) -> None:
        self._may_reach = may_reach
        self._deadline = deadline
        self._resolve = resolve_name
        self._network = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Returns a connection. Raises `ForbiddenAddress`, `UnknownName`, and what the client's network raises."""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as unknown:
            raise UnknownName(host) from unknown
        if not addresses or not all(self._may_reach(each) for each in addresses):
            raise ForbiddenAddress(host)
        failure: ConnectError | ConnectTimeout | None = None
        for address in addresses:
            try:
                left = self._deadline.left(timeout)
                stream = self._network.connect_tcp(address, port, left, local_address, socket_options or [])
                return _TimedStream(stream, self._deadline)
            except (ConnectError, ConnectTimeout) as failed:
                failure = failed
        assert failure is not None
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SOCKET_OPTION] | None = None
    ) -> NetworkStream:
        """Raises `ForbiddenAddress`: there is no such webhook."""
        raise ForbiddenAddress(path)


class _TimedStream(NetworkStream):
    """A connection whose operations end by the deadline of the request that uses it."""

    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITTEN_AT_ONCE):
            self._stream.write(buffer[start : start + WRITTEN_AT_ONCE], self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
