"""Names keep their letters: at every interface the same, and found by search however they are typed."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from httpx import Client

from consumers.cloud_events import parse_record
from consumers.records import Record
from domain.customer import CustomerChange
from tests.support.installation import Installation

NAMES = {
    "علی\u200cرضا": "علی\u200cرضا",
    "क्\u200dष": "क्\u200dष",
    "👩\u200d🚀 Ann ❤\ufe0f": "👩\u200d🚀 Ann ❤\ufe0f",
    "\ufeffAnn\u200b \u202eLee\u202c": "Ann Lee",
    " \u200b\u2060 ": None,
    "\u200d": None,
    "A\x7fnn\x02": "Ann",
}


@pytest.fixture
def into(client: Client) -> str:
    return str(client.post("/v1/segments", json={"name": "Newsletter", "type": "static"}).json()["id"])


def record(number: int, name: str) -> Record:
    event = {
        "specversion": "1.0", "type": "rollcall.customer.changed.v1", "source": "/crm", "id": f"{number}",
        "subject": f"kafka-{number}", "data": {"name": name},
    }  # fmt: skip
    content = [("content-type", b"application/cloudevents+json")]
    return Record(number, None, None, json.dumps(event).encode(), list(content))


def test_a_name_is_stored_the_same_through_every_interface(
    client: Client, installation: Installation, account_id: UUID, into: str
) -> None:
    csv = "phone,name\n"
    for number, name in enumerate(NAMES):
        put = client.put(f"/v1/customers/put-{number}", json={"name": name})
        assert put.json()["name"] == NAMES[name]
        change = parse_record(record(number, name), installation)
        assert isinstance(change, CustomerChange)
        installation.rollcall.customers.change(account_id, [change])
        csv += f'91200000{number},"{name}"\n'
    lines = "\n".join(json.dumps({"external_id": f"bulk-{n}", "name": name}) for n, name in enumerate(NAMES))
    answered = client.post(
        "/v1/customers/bulk", content=lines.encode(), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answered.json()["accepted"] == len(NAMES)
    client.post(f"/v1/segments/{into}/imports", files={"file": ("list.csv", csv.encode())}).raise_for_status()
    installation.run_imports()
    installation.catch_up()
    for number, expected in enumerate(NAMES.values()):
        for interface in ("put", "kafka", "bulk"):
            assert client.get(f"/v1/customers/{interface}-{number}").json()["name"] == expected, interface
        (found,) = client.get("/v1/customers", params={"query": f"91200000{number}"}).json()["data"]
        assert found["name"] == expected
