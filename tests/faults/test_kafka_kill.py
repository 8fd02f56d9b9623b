"""`rollcall ingest` killed with -9 at random instants: nothing lost or doubled, every bad record a dead letter.

FULL_SIZE=1 in the environment sends more and kills it more often.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from deploy.clock import Clock
from domain.commands.application import Rollcall
from projections.records.event_store import EventStore
from tests.support.full_size import FULL_SIZE
from tests.support.kafka.broker import Broker, eventually
from tests.support.postgres import address_of

TOPIC = "rollcall.customers.v1"
PARTITIONS = 6
CUSTOMERS = 400
CHANGES, KILLS = (2_000, 6) if FULL_SIZE else (1_000, 3)
SEED = 20260520


@pytest.fixture
def broker() -> Iterator[Broker]:
    running = Broker()
    running.create(TOPIC, PARTITIONS)
    running.create(f"{TOPIC}.dlt", 1)
    yield running
    running.kill()


def start(broker: Broker, database_url: str, home: Path) -> subprocess.Popen[bytes]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    settings = {
        "ROLLCALL_HOME": str(home),
        "ROLLCALL_DATABASE_URL": database_url,
        "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": broker.address,
    }
    command = [str(Path(sys.executable).with_name("rollcall")), "ingest"]
    return subprocess.Popen(command, env=ours | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def send_change(broker: Broker, number: int, who: str) -> None:
    headers = {
        "ce_specversion": "1.0", "ce_id": str(number), "ce_source": "/crm", "ce_subject": who,
        "ce_type": "rollcall.customer.changed.v1",
    }  # fmt: skip
    value = json.dumps({"attributes": {"n": number}}).encode()
    broker.send(TOPIC, value, who.encode(), [(name, text.encode()) for name, text in headers.items()])


def passed(taken: Callable[[], int], before: int) -> bool:
    return taken() > before


@pytest.mark.slow
def test_killed_at_any_instant_every_record_takes_effect_once(
    broker: Broker, database_url: str, tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    store = EventStore(database_url, "rollcall_worker", size=1)
    Rollcall(store, Clock().now).accounts.create("default", "UTC", "PT")
    store.close()
    expected: dict[str, int] = {}
    bad = 0
    with psycopg.connect(database_url, autocommit=True) as look:

        def count(query: str) -> int:
            row = look.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        def taken() -> int:
            return count("SELECT coalesce(sum(notification_id + 1), 0) FROM rollcall.notification_tracking")

        process = start(broker, address_of(database_url), tmp_path)
        for round_ in range(KILLS + 1):
            for number in range(round_ * CHANGES, (round_ + 1) * CHANGES):
                who = f"c{dice.randrange(CUSTOMERS)}"
                if dice.random() < 0.01:
                    broker.send(TOPIC, b"%d {" % number, who.encode())
                    bad += 1
                else:
                    expected[who] = expected.get(who, 0) + 1
                    send_change(broker, number, who)
            broker.flush()
            if round_ < KILLS:
                eventually(partial(passed, taken, taken()), 60)
                time.sleep(dice.random() * 0.2)
                process.kill()
                process.wait()
                process = start(broker, address_of(database_url), tmp_path)
        eventually(lambda: taken() == (KILLS + 1) * CHANGES, 60)
        eventually(lambda: count("SELECT count(*) FROM rollcall.dead_letters WHERE published_at IS NULL") == 0)
        process.terminate()
        assert process.wait(25) == 0

        letters = look.execute("SELECT partition, record_offset FROM rollcall.dead_letters").fetchall()
        assert (len(letters), len(set(letters))) == (bad, bad)
        events: dict[str, int] = dict(
            look.execute(
                "SELECT convert_from(state, 'UTF8')::jsonb ->> 'x', (SELECT count(*) FROM rollcall.stored_events"
                " WHERE originator_id = customer_id) FROM rollcall.customer_states"
            ).fetchall()
        )
        assert events == expected
    origins = {
        tuple(text for name, text in letter.headers() if name.startswith("dlt-original-"))
        for letter in broker.read_all(f"{TOPIC}.dlt")
    }
    assert len(origins) == bad
