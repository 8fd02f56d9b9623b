"""Creates clients of the Kafka library: a client connects at once, or leaves no thread or socket behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka.errors import KafkaError, SaslAuthenticationFailedError
from kafka.net.compat import KafkaNetClient

from domain.errors import Unavailable

Client = TypeVar("Client")
CONNECT_SECONDS = 2.5


def connect(make: Callable[..., Client], **options: Any) -> Client:
    """Returns a connected client of type `make`. Raises `KafkaError`.

    The library's client keeps its thread and sockets even if it never connected; after hours without a broker
    a waiting process would run out of both. So they are closed here.
    """
    created: list[Any] = []

    def network(**configuration: Any) -> Any:
        created.append(KafkaNetClient(**configuration))
        return created[-1]

    try:
        return make(kafka_client=network, bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000), **options)
    except BaseException:
        for each in created:
            each.close()
        raise


def broker_error(error: KafkaError, bootstrap_servers: str) -> Unavailable:
    """Returns what a failure of the client library means; a refused login has a code of its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SaslAuthenticationFailedError):
            return Unavailable("broker_login_refused", f"Kafka at {bootstrap_servers} refuses the login: {cause}")
        cause = cause.__cause__ or cause.__context__
    return Unavailable("broker_unavailable", f"Kafka at {bootstrap_servers} does not answer: {error}")
