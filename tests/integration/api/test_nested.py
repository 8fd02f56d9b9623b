"""Segments of segments over HTTP: they follow their members, cannot be deleted while used, and cycles are refused."""

from __future__ import annotations

import pytest
from httpx import Client

pytestmark = pytest.mark.attributes(plan="text")

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def test_a_segment_that_another_uses_cannot_be_deleted(client: Client) -> None:
    inner = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": GOLD}).json()
    named = [{"attribute": "segment", "operator": "in", "value": [inner["id"]]}]
    outer = client.post("/v1/segments", json={"name": "Outer", "type": "dynamic", "filter": named}).json()
    client.put("/v1/customers/ana", json={"attributes": {"plan": "gold"}}).raise_for_status()

    refused = client.delete(f"/v1/segments/{inner['id']}")

    assert refused.status_code == 409
    assert refused.json()["code"] == "segment_in_use"
    assert "Outer" in refused.json()["detail"]
    members = client.get(f"/v1/segments/{outer['id']}/members").json()["data"]
    assert [each["external_id"] for each in members] == ["ana"]
    assert client.delete(f"/v1/segments/{outer['id']}").status_code == 204
    assert client.delete(f"/v1/segments/{inner['id']}").status_code == 204


def test_a_cycle_points_at_the_id_that_closes_it(client: Client) -> None:
    inner = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": GOLD}).json()
    named = [{"attribute": "segment", "operator": "not_in", "value": [inner["id"]]}]
    outer = client.post("/v1/segments", json={"name": "Outer", "type": "dynamic", "filter": named}).json()
    circle = [{"attribute": "segment", "operator": "in", "value": [outer["id"]]}]

    refused = client.patch(f"/v1/segments/{inner['id']}", json={"filter": circle})

    assert refused.status_code == 422
    (mistake,) = refused.json()["errors"]
    assert (mistake["code"], mistake["pointer"]) == ("segment_cycle", "/filter/0/value/0")
