"""A database that becomes read-only, as after a failover to a standby: reads go on, writes and roles wait."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

import pytest

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from projections.records.event_store import EventStore
from projections.worker.runner import Retention, run_worker
from tests.support.clock import machine_now
from tests.support.installation import FROM_OUR_PAGE, Installation
from tests.support.kafka.broker import Broker
from tests.support.kafka.ingest import TOPIC, IngestRig
from tests.support.running_product import eventually

WRITES: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/v1/customers/a", {"name": "Ana"}),
    ("DELETE", "/v1/customers/a", None),
    ("POST", "/v1/segments", {"name": "x", "type": "static"}),
    ("PUT", "/v1/attributes/plan", {"type": "text"}),
    ("POST", "/v1/keys", {"name": "x", "kind": "read"}),
    ("POST", "/v1/campaigns", {"name": "x", "segment_ids": []}),
)
READS = (
    *("/v1/segments", "/v1/customers", "/v1/customers/a", "/v1/attributes", "/v1/campaigns", "/v1/keys"),
    *("/v1/dead-letters", "/metrics", "/livez"),
)


def test_reads_go_on_and_writes_are_answered_503(installation: Installation) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.rollcall.customers.change(account, [CustomerChange("a", "changed", machine_now(), CustomerData())])
    installation.project()
    with installation.open_api(key) as client:
        assert client.get("/readyz").status_code == 200
        with installation.database_read_only():
            for method, path, body in WRITES:
                refused = client.request(method, path, json=body)
                assert refused.status_code == 503, (method, path, refused.text)
                assert refused.json()["code"] == "database_unavailable"
                assert "read-only" in refused.json()["detail"]
                assert int(refused.headers["Retry-After"]) > 0
            for path in READS:
                assert client.get(path).status_code == 200, path
            not_ready = client.get("/readyz")
            assert (not_ready.status_code, not_ready.json()["code"]) == (503, "database_unavailable")
            assert list(not_ready.json()["checks"]) == ["writable"]
        eventually(lambda: client.put("/v1/customers/a", json={"name": "Ana"}).status_code == 200, 10)
        assert client.get("/readyz").status_code == 200


def test_the_console_is_shown_to_those_who_are_signed_in(installation: Installation) -> None:
    account = installation.account()
    installation.project()
    with installation.open_console(account) as console:
        with installation.owner() as owner:
            owner.execute("UPDATE sessions SET seen_at = seen_at - interval '1 hour'")
        with installation.database_read_only():
            # The sessions that were ended just before may still be noticed by a request.
            eventually(lambda: console.get("/console/segments").status_code == 200, 10)
            refused = console.post("/console/segments/new", data={"name": "x", "action": "save"}, headers=FROM_OUR_PAGE)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        eventually(lambda: console.get("/console/segments").status_code == 200, 10)
        with installation.owner() as owner:
            seen = owner.execute("SELECT seen_at > now() - interval '5 minutes' FROM sessions").fetchall()
        assert seen == [(True,)], "a session is extended again"


@pytest.mark.parametrize(("limit", "status"), [(0.05, 503), (60.0, 200)])
def test_readyz_knows_the_lag(installation: Installation, limit: float, status: int) -> None:
    account = installation.account()
    installation.project()
    installation.rollcall.customers.change(account, [CustomerChange("a", "changed", machine_now(), CustomerData())])
    time.sleep(0.2)  # the age of the event is what is measured
    with installation.open_api(ready_lag=limit) as client:
        answered = client.get("/readyz")
        assert answered.status_code == status
        if status == 503:
            assert (answered.json()["code"], list(answered.json()["checks"])) == ("projection_lag", ["projection"])
            assert "see the log of `project`" in answered.json()["detail"]
        installation.project()
        assert client.get("/readyz").status_code == 200


def test_readyz_says_that_the_database_was_not_migrated(installation: Installation) -> None:
    with installation.owner() as owner:
        owner.execute("DROP FUNCTION readiness")
    with installation.open_api() as client:
        answered = client.get("/readyz")
        assert (answered.status_code, answered.json()["code"]) == (503, "database_not_migrated")


def test_worker_and_ingest_wait_and_lose_nothing(broker: Broker, database_url: str, installation: Installation) -> None:
    rig = IngestRig(broker, database_url)
    store, stop = EventStore(database_url, "rollcall_worker", size=1), threading.Event()
    events = Rollcall(store, machine_now).worker_events
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_worker(database_url, events, stop, Retention(30, published_only=False))
        except BaseException as failure:
            failures.append(failure)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        with rig.ingesting():
            _publish(broker, 0, 50)
            eventually(lambda: _projected(installation, rig.account) == 50, 20)
            with installation.database_read_only():
                _publish(broker, 50, 100)
                time.sleep(2)  # the roles try several times
                assert _projected(installation, rig.account) == 50
                assert worker.is_alive()
            began = time.monotonic()
            eventually(lambda: _projected(installation, rig.account) == 100, 20)
            print(f"all are projected {time.monotonic() - began:.1f} s after the database could be written")
            assert worker.is_alive()
    finally:
        stop.set()
        worker.join(30)
        store.close()
    assert failures == []
    assert rig.rows("SELECT count(*) FROM rollcall.dead_letters") == [(0,)]


def _publish(broker: Broker, first: int, last: int) -> None:
    for number in range(first, last):
        headers = {
            "ce_specversion": "1.0", "ce_type": "rollcall.customer.changed.v1", "ce_source": "crm",
            "ce_id": str(number), "ce_subject": f"c{number}",
        }  # fmt: skip
        broker.send(TOPIC, b'{"name": "N"}', headers=[(name, text.encode()) for name, text in headers.items()])
    broker.flush()


def _projected(installation: Installation, account: UUID) -> int:
    with installation.owner() as owner:
        row = owner.execute("SELECT count(*) FROM customers WHERE account_id = %s", [account]).fetchone()
    assert row is not None
    return int(row[0])
