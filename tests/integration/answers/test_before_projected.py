"""What a write answers while no worker projects is what it stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client

from tests.support.installation import Installation

FILTER: Any = [{"attribute": "tags", "operator": "includes_any", "value": ["vip"]}]


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    installation.project()
    with installation.open_api(key, own_write_wait=0) as client:
        yield client


def test_an_edit_of_a_segment_answers_with_all_of_it(client: Client) -> None:
    made = client.post(
        "/v1/segments", json={"name": "Gold", "description": "d", "type": "dynamic", "filter": FILTER}
    ).json()
    renamed = client.patch(f"/v1/segments/{made['id']}", json={"name": "Silver"})
    described = client.patch(f"/v1/segments/{made['id']}", json={"description": "e"})
    assert renamed.status_code == described.status_code == 200
    kept = {"type": "dynamic", "filter": FILTER, "filter_summary": made["filter_summary"]}
    assert described.json() == described.json() | kept | {"name": "Silver", "description": "e", "version": 3}
    assert renamed.json() == renamed.json() | kept | {"name": "Silver", "description": "d", "version": 2}
    assert described.headers["ETag"] == '"3"'


def test_an_edit_of_a_segment_answers_with_the_edits_before_it(installation: Installation, client: Client) -> None:
    made = client.post("/v1/segments", json={"name": "Gold", "type": "static"}).json()
    installation.project()
    client.patch(f"/v1/segments/{made['id']}", json={"name": "Silver"})
    described = client.patch(f"/v1/segments/{made['id']}", json={"description": "e"}).json()
    assert (described["name"], described["description"], described["version"]) == ("Silver", "e", 3)


def test_an_edit_of_a_campaign_answers_with_all_of_it(client: Client) -> None:
    first, second = (client.post("/v1/segments", json={"name": n, "type": "static"}).json()["id"] for n in "ab")
    made = client.post("/v1/campaigns", json={"name": "c", "segment_ids": [first], "exclude_segment_ids": [second]})
    path = made.headers["Location"]
    renamed = client.patch(path, json={"name": "d"})
    assert renamed.status_code == 200
    assert renamed.json() == renamed.json() | {
        "name": "d", "segment_ids": [first], "exclude_segment_ids": [second], "state": "ready",
    }  # fmt: skip
    chosen = client.patch(path, json={"exclude_segment_ids": []})
    assert chosen.status_code == 200
    assert chosen.json() == chosen.json() | {"name": "d", "segment_ids": [first], "exclude_segment_ids": []}
    client.delete(f"/v1/segments/{first}").raise_for_status()
    emptied = client.patch(path, json={"name": "e"}).json()
    assert (emptied["segment_ids"], emptied["state"]) == ([], "needs_audience")
