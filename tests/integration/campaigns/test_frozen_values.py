"""Frozen audiences show what their recipients had at their own position, however often that changed since."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from httpx import Client

from projections.read import recipients
from tests.support.campaigns import phone

EVERYBODY = [{"attribute": "opted_out", "operator": "is_set"}]
FIELDS = "external_id,name,phone,opted_out"


def put(client: Client, external_id: str, **body: Any) -> None:
    client.put(f"/v1/customers/{external_id}", json=body).raise_for_status()


def freeze(client: Client, campaign: str) -> str:
    answered = client.post(f"/v1/campaigns/{campaign}/audience")
    assert answered.is_success, answered.text
    return str(answered.json()["id"])


def shown(client: Client, audience: str) -> dict[str, tuple[str, str]]:
    """Name and phone number of each recipient, which pages and all kinds of streams show alike."""
    address = f"/v1/audiences/{audience}/recipients"
    page = client.get(address).json()["data"]
    # Only of a part that is not the last one it is known how many are in a block.
    assert client.get(f"{address}?limit=1").json()["data"] == page[:1]
    lines = client.get(address, headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line) for line in lines[:-1]] == page
    wide = client.get(f"{address}?fields={FIELDS}").json()["data"]
    streamed = client.get(f"{address}?fields={FIELDS}", headers={"Accept": "text/csv"}).text.splitlines()
    for rows in (wide, list(csv.DictReader(streamed))):
        assert [(row["external_id"], row["name"], row["phone"]) for row in rows] == [
            (row["external_id"], row["name"], row["phone"]) for row in page
        ]
    return {row["external_id"]: (row["name"], row["phone"]) for row in page}


@pytest.mark.parametrize("many_in_block", [0, 10**6])
def test_an_audience_shows_what_its_recipients_had_then(
    client: Client, many_in_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "MANY_IN_BLOCK", many_in_block)
    monkeypatch.setattr(recipients, "FIRST_LINES", 1)
    for number in range(4):
        put(client, f"c{number}", phone=phone(number), name="First")
    body = {"name": "everybody", "type": "dynamic", "filter": EVERYBODY}
    segment = client.post("/v1/segments", json=body).json()["id"]
    campaign = client.post("/v1/campaigns", json={"name": "Sale", "segment_ids": [segment]}).json()["id"]
    first = freeze(client, campaign)
    for name in ("Second", "Third"):
        put(client, "c1", name=name)
    put(client, "c2", opted_out=True)
    second = freeze(client, campaign)
    put(client, "c1", phone=None, name=None)
    put(client, "c2", opted_out=False, name="Second")
    put(client, "c4", phone=phone(4), name="New")
    client.delete("/v1/customers/c3").raise_for_status()
    third = freeze(client, campaign)
    put(client, "c0", name="Last")
    as_before = {"c0": ("First", phone(0))}
    assert shown(client, first) == as_before | {"c1": ("First", phone(1)), "c2": ("First", phone(2))}
    assert shown(client, second) == as_before | {"c1": ("Third", phone(1))}
    assert shown(client, third) == as_before | {"c2": ("Second", phone(2)), "c4": ("New", phone(4))}
