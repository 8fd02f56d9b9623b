"""The versions of a filter: who set which, how many members there were with it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client

from domain.account import account_id_of
from tests.support.console.forms import fields_of
from tests.support.installation import Installation


def is_plan(value: str) -> list[Any]:
    return [{"attribute": "plan", "operator": "equals", "value": value}]


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    with installation.projecting(), installation.open_api(key) as client:
        client.put("/v1/attributes/plan", json={"type": "text", "label": "Plan"}).raise_for_status()
        for nth, plan in enumerate(["gold", "gold", "silver"]):
            client.put(f"/v1/customers/c{nth}", json={"attributes": {"plan": plan}}).raise_for_status()
        yield client


def edited(client: Client) -> dict[str, Any]:
    """A segment of gold customers: one more joined, then silver ones, then gold ones again."""
    made = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": is_plan("gold")}).json()
    client.put("/v1/customers/c3", json={"attributes": {"plan": "gold"}}).raise_for_status()
    for plan in ("silver", "gold"):
        client.patch(f"/v1/segments/{made['id']}", json={"filter": is_plan(plan)}).raise_for_status()
    client.put("/v1/customers/c0", json={"attributes": {"plan": "silver"}}).raise_for_status()
    return dict(made)


def test_each_version_says_who_set_it_its_sizes_and_what_changed(client: Client, installation: Installation) -> None:
    segment = edited(client)
    found = client.get(f"/v1/segments/{segment['id']}/versions").json()["data"]
    assert [each["filter_summary"] for each in found] == ["Plan equals gold", "Plan equals silver", "Plan equals gold"]
    assert [(each["size_at_first"], each["size_at_last"]) for each in found] == [(3, 2), (1, 1), (2, 3)]
    assert found[0]["changes"] == [{"before": "Plan equals silver", "after": "Plan equals gold"}]
    assert found[2]["changes"] == []
    key = client.get("/v1/keys").json()["data"][0]
    assert found[0]["by"] == {"kind": "key", "id": key["id"], "name": "admin key"}
    # As another program sees it, once that key is revoked.
    other = client.post("/v1/keys", json={"name": "other", "kind": "admin"}).json()["key"]
    client.headers["Authorization"] = f"Bearer {other}"
    client.delete(f"/v1/keys/{key['id']}").raise_for_status()
    shown = client.get(f"/v1/segments/{segment['id']}/versions").json()["data"]
    assert shown[0]["by"] == {"kind": "key", "id": key["id"], "name": None}


def test_going_back_fills_the_form_and_changes_nothing_until_it_is_saved(
    client: Client, installation: Installation
) -> None:
    segment = edited(client)
    versions = client.get(f"/v1/segments/{segment['id']}/versions").json()["data"]
    with installation.open_console(account_id_of("default")) as console:
        base = f"/console/segments/{segment['id']}"
        page = console.get(f"{base}/versions").text
        assert "API key admin key" in page
        assert "3 customers at first, 2 now" in page
        form = console.get(f"{base}/edit", params={"from_version": versions[1]["version"]})
        assert "Nothing changes until you save" in form.text
        fields = fields_of(form.text)
        assert fields["filter-0-value"] == "silver"
        assert len(client.get(f"/v1/segments/{segment['id']}/versions").json()["data"]) == 3
        assert console.post(f"{base}/edit", data=fields | {"action": "save"}).status_code == 303
        assert console.get(f"{base}/edit", params={"from_version": 1}).status_code == 404
        newest = client.get(f"/v1/segments/{segment['id']}/versions").json()["data"][0]
        assert (newest["filter"], newest["by"]["kind"]) == (is_plan("silver"), "person")
        assert "Owner" in console.get(f"{base}/versions").text
