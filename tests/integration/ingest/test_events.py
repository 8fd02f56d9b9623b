"""CloudEvents over HTTP: three modes, the reader of Kafka, and the result of each event."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from httpx import Client, Response

from tests.support.installation import Installation

STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


def event(subject: str = "ana", kind: str = "changed", **fields: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "type": f"rollcall.customer.{kind}.v1", "source": "/crm", "id": "e-1", "subject": subject,
    } | fields  # fmt: skip


def send(client: Client, body: Any, headers: dict[str, str]) -> Response:
    return client.post("/v1/events", content=json.dumps(body).encode(), headers=headers)


def results(answered: Response) -> list[str]:
    assert answered.status_code == 200, answered.text
    return [each["result"] for each in answered.json()["results"]]


def test_an_event_is_sent_whole_or_with_its_attributes_in_headers(client: Client) -> None:
    data = {"name": "Ana", "attributes": {"plan": "gold"}}
    whole = event(data=data, time="2026-01-01T00:00:00Z")
    assert results(send(client, whole, STRUCTURED)) == ["created"]
    headers = {f"ce-{name}": value for name, value in event("r%C3%BAi%20%25", id="e-2").items()}
    answered = send(client, data, headers | {"Content-Type": "application/json"})
    assert results(answered) == ["created"]
    (result,) = answered.json()["results"]
    assert result["id"] == "e-2"
    assert client.get(f"/v1/customers/{result['customer_id']}").json()["external_id"] == "rúi %"
    assert client.get("/v1/customers/ana").json()["attributes"] == {"plan": "gold"}


def test_a_batch_says_of_each_event_what_became_of_it(client: Client) -> None:
    batch = [
        event(data={"name": "Ana"}, time="2026-01-02T00:00:00Z"),
        event(data={"name": "Ana"}, time="2026-01-02T00:00:00Z"),
        event(data={"name": "Old"}, time="2026-01-01T00:00:00Z", id="e-2"),
        event("rui", data={"phone": "12"}, id="e-3"),
        event("rui", "unknown", id="e-4"),
        5,
        event("eva", "opted_out", id="e-5"),
        event("ana", "deleted", id="e-6"),
    ]
    answered = send(client, batch, BATCHED)
    assert results(answered) == [
        "created", "duplicate", "stale", "invalid", "invalid", "invalid", "created", "deleted",
    ]  # fmt: skip
    shown = answered.json()["results"]
    assert [each.get("code") for each in shown[3:6]] == ["invalid_phone", "unknown_type", "not_a_cloud_event"]
    assert [each["id"] for each in shown] == ["e-1", "e-1", "e-2", "e-3", "e-4", None, "e-5", "e-6"]
    assert client.get("/v1/customers/ana").status_code == 404
    assert client.get("/v1/customers/eva").json()["opted_out"] is True


def test_a_large_batch_is_taken_whole_in_order(client: Client) -> None:
    batch = [event(f"c{number % 120}", id=f"e-{number}", data={"attributes": {"n": number}}) for number in range(360)]
    assert set(results(send(client, batch, BATCHED))) == {"created", "changed"}
    found = [client.get(f"/v1/customers/c{number}").json()["attributes"]["n"] for number in (0, 59, 119)]
    assert found == [240, 299, 359]


def test_a_request_of_which_nothing_is_taken_is_refused(client: Client) -> None:
    for body, headers in (([5, event(kind="nope")], BATCHED), (event(kind="nope"), STRUCTURED)):
        refused = send(client, body, headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "no_event_taken")
        assert {each["result"] for each in refused.json()["results"]} == {"invalid"}
    assert results(send(client, [], BATCHED)) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/cloudevents+avro", b"", 415),
        ("application/json", b"{}", 415),
        ("text/csv", b"a,b", 415),
        ("application/cloudevents+json", b"{", 400),
        ("application/cloudevents-batch+json", b"{}", 422),
    ],
)
def test_what_is_no_event_is_refused_whole(client: Client, content_type: str, body: bytes, status: int) -> None:
    refused = client.post("/v1/events", content=body, headers={"Content-Type": content_type})
    assert refused.status_code == status
    assert {"code", "message"} <= refused.json().keys()


def test_a_key_that_only_sends_cannot_erase(installation: Installation, account_id: UUID, client: Client) -> None:
    client.put("/v1/customers/ana", json={}).raise_for_status()
    with installation.open_api(installation.key(account_id, "write")) as sender:
        refused = send(sender, event(kind="deleted"), STRUCTURED)
        assert (refused.status_code, refused.json()["results"][0]["code"]) == (422, "forbidden")
        assert results(send(sender, event(data={"name": "Ana"}), STRUCTURED)) == ["changed"]
    assert client.get("/v1/customers/ana").status_code == 200
