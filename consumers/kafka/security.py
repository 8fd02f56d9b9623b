"""Where a cluster is, and how its clients connect to it: TLS, and the login.

Made by `deploy.kafka_access` from the settings, and handed to every client of this package. What always holds: a
password, a token and the files of TLS are read anew for each client, so that what was renewed counts without a restart
of the process; none of them is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kafka.net.sasl.oauth import AbstractTokenProvider

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


@dataclass(frozen=True, slots=True)
class Login:
    """A login. `secret` returns the password, or the token of OAUTHBEARER; it raises `Unavailable` where it cannot."""

    mechanism: Mechanism
    username: str
    secret: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate authorities to trust (those of the machine without a file), and our own certificate."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster. Without `tls` connections are not encrypted, without `login` they are anonymous."""

    bootstrap_servers: str
    tls: Tls | None = None
    login: Login | None = None

    @property
    def protocol(self) -> Protocol:
        """What Kafka calls the security protocol."""
        if self.login is None:
            return "PLAINTEXT" if self.tls is None else "SSL"
        return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"

    def options(self) -> dict[str, Any]:
        """Returns the options of the client library. Raises `Unavailable` where the secret cannot be read."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap_servers, "security_protocol": self.protocol}
        if self.tls is not None:
            files = {"ssl_cafile": self.tls.ca, "ssl_certfile": self.tls.certificate, "ssl_keyfile": self.tls.key}
            options |= {name: str(path) for name, path in files.items() if path is not None}
            options["ssl_password"] = ""  # or OpenSSL asks for the password of a key at the terminal
        if self.login is not None:
            options["sasl_mechanism"] = self.login.mechanism
            if self.login.mechanism == "OAUTHBEARER":
                options["sasl_oauth_token_provider"] = _Token(self.login.secret)
            else:
                options |= {"sasl_plain_username": self.login.username, "sasl_plain_password": self.login.secret()}
        return options


class _Token(AbstractTokenProvider):  # type: ignore[misc]
    """The token as the library asks for it, at each connection and before the broker ends it."""

    def __init__(self, token: Callable[[], str]) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        """Returns the token."""
        return self._token()
