"""Orders of customers, and segments that ask about them, by HTTP: for the tests of behaviour."""

from __future__ import annotations

import json
from typing import Any

from httpx import Client

NDJSON = {"Content-Type": "application/x-ndjson"}


def record(client: Client, who: str, time: str, **properties: Any) -> None:
    """A customer ordered at an instant."""
    line = {"external_id": who, "name": "order_completed", "time": time, "properties": properties}
    answered = client.post("/v1/activities", content=json.dumps(line), headers=NDJSON)
    assert answered.json() == {"accepted": 1, "rejected": []}, answered.text


def create(client: Client, node: Any, name: str = "By behaviour") -> str:
    """The id of a new segment with that filter."""
    created = client.post("/v1/segments", json={"name": name, "type": "dynamic", "filter": node})
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


def members(client: Client, segment: str) -> list[str]:
    """The external ids of the first members, in order."""
    page = client.get(f"/v1/segments/{segment}/members").json()
    return sorted(row["external_id"] for row in page["data"])
