"""How long activities count: to the instant, whatever a window says, and explained, listed and removed accordingly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import Client

from tests.support.activities.orders import create, members, record
from tests.support.clock import Clock
from tests.support.installation import Installation
from tests.support.running_product import eventually

EVER = {"activity": "order_completed", "aggregate": "count", "operator": "at_least", "value": 2}
IN_2026 = EVER | {"window": {"since": "2026-01-01T00:00:00Z"}}
RETENTION = "/v1/activities/retention"


def keep(client: Client, days: int | None) -> None:
    answered = client.put(RETENTION, json={"days": days})
    assert answered.status_code == 200, answered.text
    assert client.get(RETENTION).json() == {"days": days}


def expect_members(client: Client, segment: str, names: list[str]) -> None:
    eventually(lambda: members(client, segment) == names)


def times(client: Client) -> list[Any]:
    return [each["time"][:10] for each in client.get("/v1/activities").json()["data"]]


@pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))
def test_ever_means_as_long_as_activities_are_kept_and_members_leave_to_the_instant(
    installation: Installation, client: Client, clock: Clock
) -> None:
    assert client.get(RETENTION).json() == {"days": None}
    for who, days in (("ana", (1, 19)), ("bea", (18, 19))):
        for day in days:
            record(client, who, f"2026-05-{day:02}T09:00:00Z")
    segments = [create(client, EVER, "Ever"), create(client, IN_2026, "Since")]
    for segment in segments:
        expect_members(client, segment, ["ana", "bea"])
    keep(client, 10)
    for segment in segments:
        expect_members(client, segment, ["bea"])
    assert client.post("/v1/segments/preview", json={"filter": EVER}).json()["count"] == 1
    clock.passes(days=10)
    for segment in segments:
        expect_members(client, segment, [])
        (left, *_) = client.get(f"/v1/segments/{segment}/history").json()["data"]
        assert (left["joined"], left["at"], left["cause"]) == (False, "2026-05-28T09:00:00Z", "time")
    # Two days after they can count for the last time, they are removed.
    eventually(lambda: times(client) == ["2026-05-19", "2026-05-19"])
    keep(client, None)
    for day in (2, 3):
        record(client, "bea" if day == 2 else "ana", f"2026-05-0{day}T09:00:00Z")
    record(client, "ana", "2026-05-02T09:00:00Z")
    expect_members(client, segments[0], ["ana"])  # what is late counts again, what was too old is gone
    assert times(client) == ["2026-05-02", "2026-05-03", "2026-05-02"]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 36_601}, {"days": "ten"}, {}, {"days": 1, "hours": 1}])
def test_a_retention_that_is_none_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answered = client.put(RETENTION, json=wrong)
    assert answered.status_code in (400, 422), answered.text
    assert client.get(RETENTION).json() == {"days": None}
