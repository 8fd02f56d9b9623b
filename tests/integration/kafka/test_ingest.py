"""The ingest, from a real broker to a real database: nothing lost, nothing doubled, also after outages of either."""

from __future__ import annotations

from functools import partial

import pytest
from prometheus_client import REGISTRY
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.kafka.broker import Broker, Line, eventually
from tests.support.kafka.ingest import TOPIC, Door

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def door(broker: Broker, database_url: str) -> Door:
    return Door(broker, database_url)


def reached(door: Door, count: int) -> bool:
    return door.taken() == count


def waits() -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_waits_total", {"code": "database_unavailable"}) or 0


def test_a_new_process_continues_and_nothing_is_ingested_twice(door: Door) -> None:
    for round_ in range(3):
        for number in range(300):
            door.send(300 * round_ + number, f"c{number}", {"attributes": {"round": round_}})
        door.broker.flush()
        with door.ingesting(batch_size=50):
            eventually(partial(reached, door, 300 * (round_ + 1)))
        assert (door.customers(), door.events()) == (300, 300 * (round_ + 1))


def test_two_processes_on_the_same_partitions_ingest_nothing_twice(door: Door) -> None:
    with (
        door.ingesting(batch_size=20),
        door.ingesting(batch_size=30),
    ):
        for number in range(1_000):
            door.send(number, f"c{number % 100}", {"attributes": {"n": number}})
            if number % 100 == 0:
                door.broker.flush()
        door.broker.flush()
        eventually(lambda: door.taken() == 1_000, 40)
    assert (door.customers(), door.events()) == (100, 1_000)
    assert door.letters() == []


def test_a_broker_that_restarts_empty_is_read_from_its_first_record(door: Door) -> None:
    with door.ingesting():
        for number in range(100):
            door.send(number, f"c{number}", {"attributes": {"n": number}})
        door.broker.flush()
        eventually(lambda: door.taken() == 100)
        door.broker.kill()
        door.broker.start()
        door.broker.create(TOPIC, 4)
        for number in range(90, 130):
            door.send(number, f"c{number}", {"attributes": {"n": number}})
        door.broker.flush()
        eventually(lambda: door.taken() == 140)
    assert (door.customers(), door.events()) == (130, 130)


def test_the_ingest_waits_for_an_unavailable_database_without_dead_letters(door: Door) -> None:
    line = Line(int(str(conninfo_to_dict(door.url)["port"])))
    through = make_conninfo(door.url, port=line.port)
    with door.ingesting(url=through, batch_size=10):
        for number in range(50):
            door.send(number, f"c{number}", {"name": "first"})
        door.broker.flush()
        eventually(lambda: door.taken() == 50)
        for _ in range(2):
            line.cut()
            before = waits()
            start = door.taken()
            for number in range(start, start + 50):
                door.send(number, f"c{number}", {"name": "later"})
            door.send(0, "bad", b"{")
            door.broker.flush()
            eventually(lambda: waits() > before)  # noqa: B023 - called at once
            assert door.taken() == start
            line.mend()
            eventually(partial(reached, door, start + 51), 30)
        eventually(lambda: door.letters() == [("malformed_json", True)] * 2)
    line.close()
    assert door.events() == 150


def test_a_process_can_be_stopped_while_the_database_is_unavailable(door: Door) -> None:
    line = Line(int(str(conninfo_to_dict(door.url)["port"])))
    with door.ingesting(url=make_conninfo(door.url, port=line.port)):
        line.cut()
        door.send(1, "c1", {"name": "waits"})
        door.broker.flush()
    line.close()
