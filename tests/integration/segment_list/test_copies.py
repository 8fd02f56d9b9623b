"""Duplicates of segments: the same filter, or a list of who was in it at one position; and names that are alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client

from domain.account import account_id_of
from tests.support.console.forms import fields_of
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    with installation.projecting(), installation.open_api(key) as client:
        client.put("/v1/attributes/plan", json={"type": "text"}).raise_for_status()
        for nth in range(3):
            client.put(f"/v1/customers/c{nth}", json={"attributes": {"plan": "gold"}}).raise_for_status()
        yield client


def gold(client: Client) -> Any:
    label = client.post("/v1/labels", json={"name": "Loyalty", "colour": "teal"}).json()["id"]
    body = {"name": "Gold", "description": "d", "type": "dynamic", "filter": GOLD, "label_ids": [label]}
    return client.post("/v1/segments", json=body).json()


def members(client: Client, segment_id: str) -> set[str]:
    return {each["external_id"] for each in client.get(f"/v1/segments/{segment_id}/members").json()["data"]}


def added(client: Client) -> Any:
    return client.put("/v1/customers/by-hand", json={}).json()["id"]


def test_a_dynamic_copy_has_filter_description_and_labels(client: Client) -> None:
    source = gold(client)
    made = client.post(f"/v1/segments/{source['id']}/copy", json={"name": "Gold too", "type": "dynamic"})
    assert (made.status_code, made.json()["job_id"]) == (201, None)
    copy = client.get(made.headers["Location"]).json()
    for field in ("description", "type", "filter", "label_ids"):
        assert copy[field] == source[field]
    assert members(client, copy["id"]) == {"c0", "c1", "c2"}


def test_a_snapshot_keeps_who_was_in_it_and_a_copy_of_a_list_its_members(
    client: Client, installation: Installation
) -> None:
    source = gold(client)
    asked: dict[str, Any] = {"json": {"name": "Then", "type": "static"}, "headers": {"Idempotency-Key": "once"}}
    made = client.post(f"/v1/segments/{source['id']}/copy", **asked).json()
    assert client.post(f"/v1/segments/{source['id']}/copy", **asked).json() == made
    # However the process ends, there is no copy without the job that fills it.
    together = "SELECT j.xmin = e.xmin FROM jobs j JOIN stored_events e ON e.originator_id = j.segment_id"
    with installation.owner() as owner:
        assert owner.execute(together).fetchall() == [(True,)] * 2  # created, labelled
    installation.run_jobs()
    installation.catch_up()
    client.put("/v1/customers/c0", json={"attributes": {"plan": "free"}}).raise_for_status()
    assert members(client, source["id"]) == {"c1", "c2"}
    assert members(client, made["id"]) == {"c0", "c1", "c2"}
    job = client.get(f"/v1/jobs/{made['job_id']}").json()
    assert (job["state"], job["value"]) == ("done", None)
    client.post(f"/v1/segments/{made['id']}/members", json={"customer_ids": [added(client)]}).raise_for_status()
    with installation.open_console(account_id_of("default")) as console:
        shown = console.get(f"/console/segments/{made['id']}/history").text
    causes = re.findall(r'data-label="Reason">([^<]+)<', shown)
    assert causes == ["Added by hand", *["Copied from Gold"] * 3]
    removed = client.delete(f"/v1/segments/{made['id']}/members/{added(client)}")
    assert removed.status_code == 204

    second = client.post(f"/v1/segments/{made['id']}/copy", json={"name": "Again", "type": "static"}).json()
    installation.run_jobs()
    installation.catch_up()
    assert members(client, second["id"]) == {"c0", "c1", "c2"}
    refused = client.post(f"/v1/segments/{made['id']}/copy", json={"name": "x", "type": "dynamic"})
    assert (refused.status_code, refused.json()["code"]) == (409, "static_has_no_filter")


def test_the_console_duplicates_once_however_often_the_form_is_sent_and_warns_of_a_name(
    client: Client, installation: Installation
) -> None:
    source = gold(client)
    with installation.open_console(account_id_of("default")) as console:
        address = f"/console/segments/{source['id']}/copy"
        fields = fields_of(console.get(address).text) | {"type": "dynamic"}
        assert fields["copy-name"] == "Copy of Gold"
        for _ in range(2):
            assert console.post(address, data=fields).status_code == 303
        assert client.get("/v1/segments?name=copy&include=total").json()["total"] == 1
        assert console.post(address, data=fields | {"copy-name": " "}).status_code == 422
        taken = console.get("/console/segments/name-taken", params={"name": " gold "}).text
        assert "Another segment has this name" in taken
        of_copy = console.get("/console/segments/name-taken", params={"copy-name": "Gold"}).text
        assert of_copy == taken
        own = console.get("/console/segments/name-taken", params={"name": "gold", "own": source["id"]}).text
        assert own.strip() == ""
