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


PEOPLE = ["<Ann> Lee", "O'Neil", "O’Neil", "Muller", "Müller", "山田太郎", "علی\u200cرضا", "Ann & 'Bob' | \\Carl:*"]
SEARCHES = {
    "ann": ["<Ann> Lee", "Ann & 'Bob' | \\Carl:*"],
    "<Ann>": ["<Ann> Lee", "Ann & 'Bob' | \\Carl:*"],
    "<Ann> Lee": ["<Ann> Lee"],
    "o'neil": ["O'Neil", "O’Neil"],
    "O’Neil": ["O'Neil", "O’Neil"],
    "Muller": ["Muller", "Müller"],
    "Müller": ["Muller", "Müller"],
    "太郎": ["山田太郎"],
    "علیرضا": ["علی\u200cرضا"],
    "carl:*": ["Ann & 'Bob' | \\Carl:*"],
    "& | ! '": [],
}


def test_customers_members_and_candidates_are_found_however_their_name_is_typed(
    client: Client, installation: Installation, into: str
) -> None:
    put = (client.put(f"/v1/customers/c-{number}", json={"name": name}) for number, name in enumerate(PEOPLE))
    ids = [answered.json()["id"] for answered in put]
    installation.catch_up()
    found = lists(client, "/v1/customers", f"/v1/segments/{into}/candidates")
    client.post(f"/v1/segments/{into}/members", json={"customer_ids": ids}).raise_for_status()
    installation.catch_up()
    found |= lists(client, f"/v1/segments/{into}/members")
    for (path, query), names in found.items():
        assert names == (sorted(SEARCHES[query]), len(SEARCHES[query])), (path, query)


def lists(client: Client, *paths: str) -> dict[tuple[str, str], tuple[list[str], int]]:
    """The names, and their total, that each list shows for each search."""
    found = {}
    for path in paths:
        for query in SEARCHES:
            page = client.get(path, params={"query": query, "include": "total"}).json()
            found[path, query] = (sorted(each["name"] for each in page["data"]), page["total"])
    return found
