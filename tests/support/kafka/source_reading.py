"""The Kafka source as its tests read it: positions as the database would hold them, and reading on from them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import REGISTRY

from consumers.kafka import Source
from consumers.records import Batch, Record
from domain.errors import Unavailable
from tests.support.kafka.broker import Broker

TOPIC = "people"


class Positions(dict[str, int]):
    """What the database would hold."""

    def taken(self, batch: Batch) -> None:
        for each in batch.slices:
            assert self.get(each.name) == each.previous
            self[each.name] = each.last_offset


@contextmanager
def reading(broker: Broker, positions: Positions, **options: Any) -> Iterator[Source]:
    source = Source(broker.cluster, [TOPIC], positions.get, **options)
    yield source
    source.close()


def take(source: Source, positions: Positions, count: int, seconds: float = 20) -> list[Record]:
    """Take in until `count` records came, waiting as the ingest does while the broker is away."""
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count}"
        try:
            batch = source.next_batch(0.1)
        except Unavailable:
            continue
        if batch is not None:
            positions.taken(batch)
            source.stored(batch)
            found += batch.records
    return found


def values(records: list[Record]) -> list[bytes]:
    return sorted(record.value or b"" for record in records)


def lost(reason: str) -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_positions_lost_total", {"reason": reason}) or 0
