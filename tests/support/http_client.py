"""HTTP clients of servers on this machine."""

from __future__ import annotations

import ssl
from typing import Any

from httpx import Client

# Loading the authorities that a client would trust takes longer than most requests; nothing here is encrypted.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_client(address: str, **options: Any) -> Client:
    """A client of the server at an address."""
    return Client(base_url=address, timeout=60, verify=NO_AUTHORITIES, **options)
