"""`/v1/webhooks`: what may be asked for, and that a secret is shown once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from httpx import Client

from projections.webhooks import subscriptions
from tests.support.installation import Installation
from tests.support.webhooks.hooks import edit, hook, read, segment

pytestmark = pytest.mark.attributes(plan="text")
URL = "https://example.com/hooks"


def test_a_webhook_is_created_read_edited_listed_and_deleted(client: Client) -> None:
    gold = segment(client)
    created = client.post("/v1/webhooks", json={"url": URL, "segment_ids": [gold, gold], "events": ["left", "joined"]})
    assert created.status_code == 201
    made = created.json()
    assert (made["name"], made["segment_ids"], made["events"]) == ("example.com", [gold], ["joined", "left"])
    assert (made["state"], made["backlog"], made["full_send"], made["version"]) == ("active", 0, None, 1)
    assert created.headers["Location"] == f"/v1/webhooks/{made['id']}"
    assert made.pop("secret").startswith("whsec_")
    assert read(client, made) == made
    edited = edit(client, made, name="Warehouse", url="https://example.org/")
    assert (edited["name"], edited["url"], edited["segment_ids"], edited["version"]) == (
        "Warehouse", "https://example.org/", [gold], 2
    )  # fmt: skip
    assert client.get("/v1/webhooks", params={"include": "total"}).json() == {
        "data": [edited], "next_cursor": None, "total": 1
    }  # fmt: skip
    stale = client.patch(f"/v1/webhooks/{made['id']}", json={"name": "x"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    assert client.delete(f"/v1/webhooks/{made['id']}", headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(f"/v1/webhooks/{made['id']}", headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(f"/v1/webhooks/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/url", "invalid_field"),
        ({"url": "https://10.0.0.1/"}, "/url", "invalid_url"),
        ({"url": URL, "segment_ids": [str(uuid4())]}, "/segment_ids/0", "unknown_segment"),
        ({"url": URL, "campaign_ids": [str(uuid4())]}, "/campaign_ids/0", "unknown_campaign"),
        ({"url": URL, "events": []}, "/events", "invalid_field"),
        ({"url": URL, "fields": ["phon"]}, "/fields", "unknown_field"),
        ({"url": URL, "events": ["moved"]}, "/events/0", "invalid_field"),
        ({"url": URL, "name": "x" * 201}, "/name", "invalid_field"),
        ({"url": URL, "secret": "whsec_x"}, "/secret", "invalid_field"),
    ],
)
def test_a_mistake_is_refused_with_its_place(client: Client, body: dict[str, Any], pointer: str, code: str) -> None:
    refused = client.post("/v1/webhooks", json=body)
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [(pointer, code)]
    assert client.get("/v1/webhooks").json()["data"] == []


def test_a_repeated_request_gives_the_same_webhook_and_secret(client: Client) -> None:
    key = {"Idempotency-Key": "a"}
    first = client.post("/v1/webhooks", json={"url": URL}, headers=key).json()
    assert client.post("/v1/webhooks", json={"url": URL}, headers=key).json() == first
    address = f"/v1/webhooks/{first['id']}/secret"
    other_key = {"Idempotency-Key": "b"}
    second = client.post(address, headers=other_key).json()
    assert client.post(address, headers=other_key).json() == second
    assert second["secret"] != first["secret"]
    assert first["secret"] not in client.get(f"/v1/webhooks/{first['id']}").text
    assert len(client.get("/v1/webhooks").json()["data"]) == 1


def test_only_admin_keys_may_use_webhooks(client: Client) -> None:
    made = hook(client, URL)
    for kind in ("read", "write", "sdk"):
        key = client.post("/v1/keys", json={"name": kind, "kind": kind}).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        for method, path in (
            ("GET", "/v1/webhooks"), ("GET", f"/v1/webhooks/{made['id']}"), ("POST", "/v1/webhooks"),
            ("GET", f"/v1/webhooks/{made['id']}/deliveries"), ("POST", f"/v1/webhooks/{made['id']}/secret"),
        ):  # fmt: skip
            assert client.request(method, path, headers=headers, json={}).status_code == 403, (kind, method, path)


def test_another_account_can_do_nothing_with_a_webhook(installation: Installation, client: Client) -> None:
    made = hook(client, URL)
    key = installation.key(installation.account("other"))
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {"state": "paused"}), ("DELETE", "", None), ("GET", "/deliveries", None),
        ("POST", "/redeliver", {"position": 1}), ("POST", "/secret", None), ("POST", "/test", None),
    ):  # fmt: skip
        address = f"/v1/webhooks/{made['id']}{path}"
        answered = client.request(method, address, json=body, headers={"Authorization": f"Bearer {key}"})
        assert (answered.status_code, answered.json()["code"]) == (404, "webhook_not_found"), (method, path)
    made.pop("secret")
    assert read(client, made) == made


def test_the_role_of_the_api_cannot_read_a_secret(installation: Installation, client: Client) -> None:
    hook(client, URL)
    with installation.owner() as owner:
        may = owner.execute("SELECT has_column_privilege('rollcall_api', 'webhook_secrets', 'secret', 'SELECT')")
        assert may.fetchone() == (False,)


def test_an_account_has_a_limited_number_of_webhooks(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_WEBHOOKS", 1)
    hook(client, URL)
    refused = client.post("/v1/webhooks", json={"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")


def test_an_edit_is_refused_for_what_it_names_and_for_nothing_else(client: Client) -> None:
    gold = segment(client)
    made = hook(client, URL, segment_ids=[gold])
    client.delete(f"/v1/segments/{gold}").raise_for_status()
    assert edit(client, made, state="paused")["segment_ids"] == [gold]
    refused = client.patch(f"/v1/webhooks/{made['id']}", json={"segment_ids": [gold], "state": "active"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_segment")
    assert read(client, made)["state"] == "paused"


def test_pausing_by_hand_says_so_and_an_edit_that_changes_nothing_is_none(client: Client) -> None:
    made = hook(client, URL)
    paused = edit(client, made, state="paused")
    assert (paused["state"], paused["reason"], paused["version"]) == ("paused", "by_request", 2)
    assert edit(client, made, state="paused")["version"] == 2
    assert edit(client, made, name=paused["name"])["version"] == 2
    assert edit(client, made, full_send=True)["full_send"] == {"state": "waiting", "records": 0, "sent": 0}
