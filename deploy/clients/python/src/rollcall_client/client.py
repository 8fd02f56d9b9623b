"""The client: one server, one API key, and what can be done with it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from rollcall_client.campaigns import Campaigns
from rollcall_client.customers import Attributes, Customers
from rollcall_client.segments import Segments
from rollcall_client.shapes import Key, KeyKind, NewKey
from rollcall_client.transport import Transport, part


class Keys:
    """What is under `/v1/keys`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, name: str, kind: KeyKind) -> NewKey:
        """Create a key, valid at once; this is the only time that it is shown."""
        answer: NewKey = self._transport.call("POST", "/v1/keys", body={"name": name, "kind": kind})
        return answer

    def list(self) -> list[Key]:
        """Every key, without its secret."""
        return [*self._transport.pages("/v1/keys")]

    def revoke(self, key_id: str) -> None:
        """Revoke a key, from this answer on."""
        self._transport.call("DELETE", f"/v1/keys/{part(key_id)}")


class Rollcall:
    """A connection to a server; use it in a `with`, or close it. One for each thread."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout: float = 30.0,
        patience: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """A client of the server at `url`.

        `timeout`: seconds to wait for an answer, or the next part of one. `patience`: seconds in all to wait between
        the repeats of a request while the server says "later". `transport`: httpx's, for proxies and certificates.
        """
        headers = {"Authorization": f"Bearer {api_key}", "User-Agent": "rollcall-client-python"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._transport = Transport(self._http, patience=patience)
        self.attributes = Attributes(self._transport)
        self.customers = Customers(self._transport)
        self.segments = Segments(self._transport)
        self.campaigns = Campaigns(self._transport)
        self.keys = Keys(self._transport)

    @property
    def position(self) -> int:
        """The log position of the last write; set it to read what another process wrote at that position."""
        return self._transport.position

    @position.setter
    def position(self, position: int) -> None:
        self._transport.position = position

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
