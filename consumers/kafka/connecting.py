"""How a client of the Kafka library is made: it connects at once, or leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient

Client = TypeVar("Client")
PATIENCE = 2.5


def connect(make: Callable[..., Client], **options: Any) -> Client:
    """A connected client of type `make`. Raises `KafkaError`.

    A client that cannot connect keeps its thread and sockets for ever; after hours without a broker a
    waiting process would have run out of both.
    """
    begun: list[Any] = []

    def network(**configuration: Any) -> Any:
        begun.append(KafkaNetClient(**configuration))
        return begun[-1]

    try:
        return make(kafka_client=network, bootstrap_timeout_ms=int(PATIENCE * 1000), **options)
    except BaseException:
        for each in begun:
            each.close()
        raise
