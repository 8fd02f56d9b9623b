"""What each topic is doing, and what the processes of Kafka wait for: on the Health page and in `/readyz`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from httpx import Client

from domain.customer import CustomerChange, CustomerData, DeadLetter
from projections.postgres.database import Database
from projections.records import kafka_state
from projections.records.kafka_state import Waiting
from tests.support.installation import Installation
from tests.support.kafka.broker import Broker
from tests.support.kafka.readiness import kafka, role, said
from tests.support.kafka.registry import running_registry
from tests.support.running_product import eventually

TOPIC = "crm.contacts"
FORMATS = json.dumps({TOPIC: {"format": "debezium", "deletes": "erase", "leave_out": ["secret"]}})


def test_what_a_topic_is_doing_is_shown(
    installation: Installation, account_id: UUID, console: Client, broker: Broker, tmp_path: Path
) -> None:
    broker.create(TOPIC, 2)
    broker.create(f"{TOPIC}.dlt", 1)
    with installation.open_api(installation.key(account_id)) as client, running_registry() as registry:
        assert kafka(client) == {}
        assert "Kafka" not in said(console)
        settings = {
            "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "ROLLCALL_KAFKA_TOPICS": f"{TOPIC}=default",
            "ROLLCALL_KAFKA_FORMATS": FORMATS,
            "ROLLCALL_SCHEMA_REGISTRY_URL": registry.url,
        }
        with role("ingest", tmp_path, installation, settings):
            eventually(lambda: "Every record is ingested" in said(console))
            rows: list[dict[str, Any]] = [
                {"id": 1, "plan": "gold", "secret": "x", "年齢": 3},
                {"id": 2, "plan": "gold"},
                {"id": 1, "plan": None},
            ]
            for number, row in enumerate(rows):
                value = {"op": "c", "after": row, "source": {"ts_ms": 1_700_000_000_000 + number}}
                broker.send(TOPIC, json.dumps(value).encode(), json.dumps({"id": row["id"]}).encode())
            for bad in (b"{", b'{"op": "x"}'):
                broker.send(TOPIC, bad, b"1")
            broker.send(TOPIC, None, b'{"id": 2}')
            broker.flush()

            def topics() -> Any:
                return kafka(client).get("topics", [])

            eventually(lambda: [(each["records"], each["invalid"], each["lag"]) for each in topics()] == [(6, 2, 0)])
            assert (topics()[0]["topic"], kafka(client)["waiting"]) == (TOPIC, [])
            page = said(console)
            assert re.search(rf"Kafka Every record is ingested .* {TOPIC} 6 2 0 ", page), page
            counted = client.get("/v1/received").raise_for_status().json()["data"]
            assert {(each["subject"], each["name"], each["result"]): each["count"] for each in counted} == {
                ("record", TOPIC, "created"): 2, ("record", TOPIC, "changed"): 1, ("record", TOPIC, "invalid"): 2,
                ("record", TOPIC, "ignored"): 1, ("value", "年齢", "unmappable_name"): 1,
            }  # fmt: skip
            assert "Values that were left out" in page
            registry.status = 503
            broker.send(TOPIC, b"\x00\x00\x00\x00\x01\x00", b"3")
            broker.flush()
            eventually(lambda: "ingest waits: The schema registry at" in said(console))
            (waiting,) = kafka(client)["waiting"]
            assert (waiting["role"], waiting["code"]) == ("ingest", "registry_unavailable")
        assert "No ingest is running: records wait in Kafka" in said(console)
        assert kafka(client)["waiting"] == []
        (letter, *_) = client.get("/v1/dead-letters").raise_for_status().json()["data"]
        retried = client.post(f"/v1/dead-letters/{letter['id']}/retry").json()
        assert retried["result"] == "invalid"


def test_an_account_sees_no_topic_of_another(installation: Installation, account_id: UUID, console: Client) -> None:
    other = installation.account("other")
    database = Database(installation.url, "rollcall_worker", size=1)
    ingest, publish = UUID(int=1), UUID(int=2)
    kafka_state.save(database, ingest, Waiting("ingest", None, None), {("theirs", 0): (other, 5)}, installation.now())
    assert "theirs" not in said(console)
    assert "Kafka" not in said(console)
    away = Waiting("publish", "broker_login_refused", "Kafka at HOST refuses the login: no")
    kafka_state.save(database, publish, away, {}, installation.now())
    assert "publish waits: Kafka at HOST refuses the login: no" in said(console)
    kafka_state.forget(database, publish)
    assert "Kafka" not in said(console)
    database.close()


def test_a_dead_letter_is_erased_with_the_customer_that_its_key_names(
    installation: Installation, account_id: UUID
) -> None:
    def letter(offset: int, key: bytes) -> DeadLetter:
        return DeadLetter(TOPIC, 0, offset, None, key, b'{"n": 17, "m": 8}', [], "missing_row", "", installation.now())

    keys = [b'{"id":17}', b'{"id":"17"}', b'{"schema":null,"payload":{"id":17}}', b"17", b'{"id":170}', b'{"id":8}']
    letters = [letter(offset, key) for offset, key in enumerate(keys)]
    change = CustomerChange("17", "changed", None, CustomerData(name="Ana"))
    installation.rollcall.customers.change(account_id, [change], dead_letters=letters)
    installation.rollcall.customers.change(account_id, [CustomerChange("17", "deleted", None)])
    with installation.owner() as owner:
        left = [bytes(key) for (key,) in owner.execute("SELECT key FROM dead_letters ORDER BY record_offset")]
    assert left == keys[4:]
