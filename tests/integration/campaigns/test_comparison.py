"""Frozen audiences compared: who came, who went; and a campaign that is copied."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from httpx import Client

from tests.support.campaigns import phone

pytestmark = pytest.mark.attributes(plans="list")


def ok(client: Client, method: str, path: str, body: Any = None) -> Any:
    answered = client.request(method, path, json=body)
    assert answered.is_success, answered.text
    return answered.json() if answered.content else None


def put(client: Client, external_id: str, *plans: str) -> None:
    body = {"phone": phone(int(external_id[1:])), "attributes": {"plans": list(plans)}}
    ok(client, "PUT", f"/v1/customers/{external_id}", body)


def gold(client: Client) -> str:
    raw = [{"attribute": "plans", "operator": "includes_any", "value": ["gold"]}]
    return str(ok(client, "POST", "/v1/segments", {"name": "gold", "type": "dynamic", "filter": raw})["id"])


def campaign(client: Client, *segments: str, excluded: list[str] | None = None) -> str:
    body = {"name": "Sale", "segment_ids": segments, "exclude_segment_ids": excluded or []}
    return str(ok(client, "POST", "/v1/campaigns", body)["id"])


def names(client: Client, audience: str, not_in: str) -> list[str]:
    """Who is in an audience and not in another, by page, which must be those of the stream."""
    address = f"/v1/audiences/{audience}/recipients?not_in={not_in}"
    found: list[str] = []
    cursor = ""
    while True:
        page = ok(client, "GET", f"{address}&limit=2&include=total{cursor}")
        found += [row["external_id"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    streamed = client.get(f"{address}&fields=external_id,opted_out", headers={"Accept": "text/csv"}).text.splitlines()
    assert [row["external_id"] for row in csv.DictReader(streamed)] == found
    assert page["total"] == len(found)
    return found


def test_two_frozen_audiences_say_who_came_who_went_and_who_stayed(client: Client) -> None:
    for number in range(1, 7):
        put(client, f"c{number}", "gold")
    sale = campaign(client, gold(client))
    first = ok(client, "POST", f"/v1/campaigns/{sale}/audience")["id"]
    nothing = client.get(f"/v1/audiences/{first}/comparison")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "audience_not_found")
    for number in (2, 4, 5):
        put(client, f"c{number}")
    for number in (7, 8, 9):
        put(client, f"c{number}", "gold")
    second = ok(client, "POST", f"/v1/campaigns/{sale}/audience")["id"]
    compared = ok(client, "GET", f"/v1/audiences/{second}/comparison")
    assert (compared["audience"]["id"], compared["since"]["id"]) == (second, first)
    assert (compared["came"], compared["went"], compared["stayed"]) == (3, 3, 3)
    assert ok(client, "GET", f"/v1/audiences/{second}/comparison?since={first}") == compared
    assert names(client, second, first) == ["c7", "c8", "c9"]
    assert names(client, first, second) == ["c2", "c4", "c5"]
    # Erased customers are in neither.
    for number in (2, 3, 7):
        ok(client, "DELETE", f"/v1/customers/c{number}")
    compared = ok(client, "GET", f"/v1/audiences/{second}/comparison")
    assert (compared["came"], compared["went"], compared["stayed"]) == (2, 2, 2)
    assert names(client, first, second) == ["c4", "c5"]
    listed = ok(client, "GET", "/v1/audiences?include=total")
    assert ([each["id"] for each in listed["data"]], listed["total"]) == ([second, first], 2)
    other = campaign(client, gold(client))
    assert ok(client, "GET", f"/v1/audiences?campaign_id={other}")["data"] == []


def test_a_copy_has_the_segments_of_the_original_and_goes_its_own_way(client: Client) -> None:
    kept, left_out = gold(client), gold(client)
    sale = campaign(client, kept, excluded=[left_out])
    copied = client.post(f"/v1/campaigns/{sale}/copy", json={}, headers={"Idempotency-Key": "once"})
    assert copied.status_code == 201
    again = client.post(f"/v1/campaigns/{sale}/copy", json={}, headers={"Idempotency-Key": "once"})
    assert again.json()["id"] == copied.json()["id"]
    copy = copied.json()
    assert (copy["name"], copy["segment_ids"], copy["exclude_segment_ids"]) == ("Copy of Sale", [kept], [left_out])
    assert copied.headers["Location"] == f"/v1/campaigns/{copy['id']}"
    ok(client, "PATCH", f"/v1/campaigns/{copy['id']}", {"exclude_segment_ids": []})
    assert ok(client, "GET", f"/v1/campaigns/{sale}")["exclude_segment_ids"] == [left_out]
    named = ok(client, "POST", f"/v1/campaigns/{sale}/copy", {"name": "Summer"})
    assert named["name"] == "Summer"


def test_a_campaign_that_lost_a_segment_it_left_out_is_not_copied_without_it(client: Client) -> None:
    """The copy would reach customers that the original leaves out."""
    left_out = gold(client)
    sale = campaign(client, gold(client), excluded=[left_out])
    ok(client, "DELETE", f"/v1/segments/{left_out}")
    refused = client.post(f"/v1/campaigns/{sale}/copy", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_audience")
