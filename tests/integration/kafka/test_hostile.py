"""Whatever a record contains, the ingest stores it or makes it a dead letter, and goes on."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from consumers.ingest import Ingest
from consumers.records import Batch, Record, Slice
from consumers.topic_formats import RecordReader
from deploy.clock import Clock
from domain.commands.application import Rollcall
from projections.records.event_store import EventStore

SEED = 7
KINDS = ("changed", "changed", "changed", "changed", "opted_out", "opted_in", "deleted")
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json"), ("n", None)]
BATCHES = 60
START = datetime(2026, 1, 1, tzinfo=UTC)
NASTY: list[Any] = [
    None, True, False, 0, -1, 10**400, -(10**39), 1e308, 5e-324, 0.1, "", " ", "\x00", "a\x00", "\ud800", "\u202e", "٣",
    "1e400", "2026-02-30", "2026-02-28", "ß" * 5_000, [], [[]], ["a", 1], {}, {"a": 1}, ["x"] * 300, "+999", "Bad Key",
    "phone", "k" * 64, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
]  # fmt: skip


class Stranger:
    """Makes records that are mostly valid, with a nasty value in one part or another."""

    def __init__(self) -> None:
        self._dice = random.Random(SEED)
        self._number = 0

    def record(self, offset: int) -> Record:
        self._number += 1
        event = {
            "specversion": self._or_nasty("1.0"),
            "type": self._or_nasty(f"rollcall.customer.{self._dice.choice(KINDS)}.v1"),
            "source": self._or_nasty("/s"),
            "id": self._or_nasty(str(self._number)),
            "subject": self._or_nasty(self._dice.choice("abcdefghij")),
            "time": self._or_nasty((START + timedelta(seconds=self._number)).isoformat()),
            "data": self._or_nasty(self._data()),
        }
        timestamp = self._dice.choice([-1, 0, 1_779_271_200_125, 2**63 - 1, -(2**63)])
        key = self._dice.choice([None, b"a", b"\xff", b""])
        if self._dice.random() < 0.5:
            for name in list(event):
                if self._dice.random() < 0.02:
                    del event[name]
            return Record(offset, timestamp, key, json.dumps(event).encode(), [*STRUCTURED])
        headers = [
            (f"ce_{name}", str(text).encode("utf-8", "replace")) for name, text in event.items() if name != "data"
        ]
        return Record(offset, timestamp, key, json.dumps(event["data"]).encode(), [*headers])

    def _data(self) -> dict[Any, Any]:
        dice = self._dice
        parts: dict[str, Any] = {
            "phone": self._or_nasty("912345678"),
            "name": self._or_nasty(dice.choice(["Ana", "Ação", "🙂"])),
            "tags": self._or_nasty([self._or_nasty("vip")]),
            "opted_out": self._or_nasty(dice.random() < 0.5),
            "external_id": self._or_nasty(None),
            "attributes": self._or_nasty(
                {
                    "score": self._or_nasty(dice.randrange(100)),
                    "plan": self._or_nasty("pro"),
                    "since": self._or_nasty("2026-05-20"),
                    f"new_{self._number}": self._or_nasty("x"),
                }
            ),
        }
        return {name: value for name, value in parts.items() if dice.random() < 0.4}

    def _or_nasty(self, usual: Any) -> Any:
        return self._dice.choice(NASTY) if self._dice.random() < 0.04 else usual


class Once:
    """Returns one batch, then sets `stop`."""

    def __init__(self, batch: Batch, stop: threading.Event) -> None:
        self._batch: Batch | None = batch
        self._stop = stop

    def next_batch(self, timeout: float) -> Batch | None:
        batch, self._batch = self._batch, None
        if batch is None:
            self._stop.set()
        return batch

    def rewind(self, batch: Batch) -> None:
        raise AssertionError("no other process reads this partition")

    def stored(self, batch: Batch) -> None: ...

    def close(self) -> None: ...


class NoPublisher:
    def start(self) -> None: ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


def test_no_record_stops_the_ingest(database_url: str) -> None:
    store = EventStore(database_url, "rollcall_worker", size=1)
    app = Rollcall(store, Clock().now)
    account = app.accounts.create("default", "UTC", "PT").id
    stranger = Stranger()
    taken = 0
    for _ in range(BATCHES):
        records = [stranger.record(taken + number) for number in range(50)]
        stop = threading.Event()
        batch = Batch("t", [Slice(0, "kafka:t:id:0", taken - 1 if taken else None, records, 0)])
        Ingest(app.customers, Once(batch, stop), {"t": account}, NoPublisher(), RecordReader(Clock()), stop).run()
        taken += len(records)
        assert app.customers.tracked_offset("kafka:t:id:0") == taken - 1
    store.close()
    with psycopg.connect(database_url) as connection:
        # Some are gone by now: deletions among the records erase customers, and the dead letters about them.
        (letters,) = connection.execute("SELECT max(dead_letter_id) FROM rollcall.dead_letters").fetchone() or (0,)
        (customers,) = connection.execute("SELECT count(*) FROM rollcall.customer_states").fetchone() or (0,)
        (changed,) = connection.execute("SELECT count(*) FROM rollcall.stored_events").fetchone() or (0,)
    assert taken * 0.1 < letters < taken * 0.6
    assert customers >= 10
    assert changed > taken * 0.3
