"""The ingest, from a real broker to a real database: nothing lost, nothing doubled, also after outages of either."""

from __future__ import annotations

from functools import partial

import pytest
from prometheus_client import REGISTRY
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.kafka.broker import Broker, TcpProxy, eventually
from tests.support.kafka.ingest import TOPIC, IngestRig

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def rig(broker: Broker, database_url: str) -> IngestRig:
    return IngestRig(broker, database_url)


def reached(rig: IngestRig, count: int) -> bool:
    return rig.taken() == count


def waits() -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_waits_total", {"code": "database_unavailable"}) or 0


def test_a_new_process_continues_and_nothing_is_ingested_twice(rig: IngestRig) -> None:
    for round_ in range(3):
        for number in range(300):
            rig.send(300 * round_ + number, f"c{number}", {"attributes": {"round": round_}})
        rig.broker.flush()
        with rig.ingesting(batch_size=50):
            eventually(partial(reached, rig, 300 * (round_ + 1)))
        assert (rig.customers(), rig.events()) == (300, 300 * (round_ + 1))


def test_a_time_in_the_future_is_a_dead_letter_and_leaves_the_customer_unaffected(rig: IngestRig) -> None:
    rig.send(0, "ana", {"name": "Eva"}, ce_time="2999-01-01T00:00:00Z")
    rig.send(1, "ana", None, ce_time="2999-01-01T00:00:00Z", ce_type="rollcall.customer.deleted.v1")
    rig.send(2, "ana", {"name": "Ana"})
    rig.broker.flush()
    with rig.ingesting():
        eventually(partial(reached, rig, 3))
        eventually(lambda: rig.letters() == [("time_in_future", True)] * 2)
    assert (rig.customers(), rig.events()) == (1, 1)


def test_an_activity_counts_once_and_one_that_does_not_fit_is_a_dead_letter(rig: IngestRig) -> None:
    order = {"name": "order_completed", "properties": {"total": 49.9}}
    activity = {"ce_type": "rollcall.activity.recorded.v1"}
    rig.send(0, "ana", order, **activity)
    rig.send(0, "ana", order, **activity)
    rig.send(1, "ana", order | {"properties": {"total": "much"}}, **activity)
    rig.send(2, "ana", {"name": "Ana"})
    rig.broker.flush()
    with rig.ingesting(batch_size=1):
        eventually(partial(reached, rig, 4))
        eventually(lambda: rig.letters() == [("attribute_type_mismatch", True)])
    # Created, the order, the name.
    assert (rig.customers(), rig.events()) == (1, 3)


def test_two_processes_on_the_same_partitions_ingest_nothing_twice(rig: IngestRig) -> None:
    with (
        rig.ingesting(batch_size=20),
        rig.ingesting(batch_size=30),
    ):
        for number in range(1_000):
            rig.send(number, f"c{number % 100}", {"attributes": {"n": number}})
            if number % 100 == 0:
                rig.broker.flush()
        rig.broker.flush()
        eventually(lambda: rig.taken() == 1_000, 40)
    assert (rig.customers(), rig.events()) == (100, 1_000)
    assert rig.letters() == []


def test_a_broker_that_restarts_empty_is_read_from_its_first_record(rig: IngestRig, broker: Broker) -> None:
    with rig.ingesting():
        for number in range(100):
            rig.send(number, f"c{number}", {"attributes": {"n": number}})
        rig.broker.flush()
        eventually(lambda: rig.taken() == 100)
        broker.kill()
        broker.start()
        rig.broker.create(TOPIC, 4)
        for number in range(90, 130):
            rig.send(number, f"c{number}", {"attributes": {"n": number}})
        rig.broker.flush()
        eventually(lambda: rig.taken() == 140)
    assert (rig.customers(), rig.events()) == (130, 130)


def test_the_ingest_waits_for_an_unavailable_database_without_dead_letters(rig: IngestRig) -> None:
    proxy = TcpProxy(int(str(conninfo_to_dict(rig.url)["port"])))
    through = make_conninfo(rig.url, port=proxy.port)
    with rig.ingesting(url=through, batch_size=10):
        for number in range(50):
            rig.send(number, f"c{number}", {"name": "first"})
        rig.broker.flush()
        eventually(lambda: rig.taken() == 50)
        for _ in range(2):
            proxy.cut()
            before = waits()
            start = rig.taken()
            for number in range(start, start + 50):
                rig.send(number, f"c{number}", {"name": "later"})
            rig.send(0, "bad", b"{")
            rig.broker.flush()
            eventually(lambda: waits() > before)  # noqa: B023 - called at once
            assert rig.taken() == start
            proxy.restore()
            eventually(partial(reached, rig, start + 51), 30)
        eventually(lambda: rig.letters() == [("malformed_json", True)] * 2)
    proxy.close()
    assert rig.events() == 150


def test_a_process_can_be_stopped_while_the_database_is_unavailable(rig: IngestRig) -> None:
    proxy = TcpProxy(int(str(conninfo_to_dict(rig.url)["port"])))
    with rig.ingesting(url=make_conninfo(rig.url, port=proxy.port)):
        proxy.cut()
        rig.send(1, "c1", {"name": "waits"})
        rig.broker.flush()
    proxy.close()
