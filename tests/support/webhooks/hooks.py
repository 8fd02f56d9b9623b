"""What the tests of webhooks do over the API."""

from __future__ import annotations

from typing import Any

from httpx import Client


def segment(client: Client, plan: str = "gold", name: str = "Gold") -> str:
    """A segment of the customers with a plan; its id."""
    condition = {"attribute": "plan", "operator": "equals", "value": plan}
    created = client.post("/v1/segments", json={"name": name, "type": "dynamic", "filter": [condition]})
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


def put(client: Client, external_id: str, plan: str | None) -> str:
    """Set a customer's plan; the customer's id."""
    answered = client.put(f"/v1/customers/{external_id}", json={"attributes": {"plan": plan}})
    assert answered.status_code in (200, 201), answered.text
    return str(answered.json()["id"])


def put_many(client: Client, count: int, plan: str) -> None:
    """Set the plan of the customers c0, c1, …"""
    lines = "\n".join(f'{{"external_id": "c{n}", "attributes": {{"plan": "{plan}"}}}}' for n in range(count))
    sent = client.post("/v1/customers/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert sent.json()["accepted"] == count, sent.text


def hook(client: Client, url: str, **fields: Any) -> dict[str, Any]:
    """A new webhook, with its secret."""
    created = client.post("/v1/webhooks", json={"url": url, **fields})
    assert created.status_code == 201, created.text
    made: dict[str, Any] = created.json()
    return made


def read(client: Client, webhook: dict[str, Any]) -> dict[str, Any]:
    """A webhook as it is now."""
    found: dict[str, Any] = client.get(f"/v1/webhooks/{webhook['id']}").json()
    return found


def edit(client: Client, webhook: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A webhook after an edit."""
    edited = client.patch(f"/v1/webhooks/{webhook['id']}", json=changes)
    assert edited.status_code == 200, edited.text
    found: dict[str, Any] = edited.json()
    return found


def log_of(client: Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """The attempts of a webhook, oldest first."""
    found: list[dict[str, Any]] = client.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["data"]
    return found[::-1]


def members(client: Client, segment_id: str) -> set[str]:
    """Who is in a segment."""
    found: set[str] = set()
    cursor = None
    while True:
        asked = {"limit": 200, "cursor": cursor} if cursor else {"limit": 200}
        page = client.get(f"/v1/segments/{segment_id}/members", params=asked).json()
        found |= {each["id"] for each in page["data"]}
        if (cursor := page["next_cursor"]) is None:
            return found


def folded(changes: list[dict[str, Any]]) -> set[str]:
    """The members after changes that may repeat: presents and joins put a customer in, leaves take them out."""
    inside: set[str] = set()
    for each in changes:
        (inside.discard if each["type"] == "left" else inside.add)(each["customer_id"])
    return inside
