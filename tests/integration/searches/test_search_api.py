"""What an integrator finds over HTTP: people by anything that is known of them, and what happened to one of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx import Client

PLAN = {"attribute": "plan", "operator": "equals", "value": "gold"}


@pytest.fixture
def people(client: Client) -> Client:
    for external_id, name, body in (
        ("crm-1", "Ana Sá", {"attributes": {"city": "Braga", "plan": "gold", "sports": ["padel", "São Silvestre"]}}),
        ("crm-2", "Rui Braga", {"attributes": {"city": "Porto", "plan": "gold"}, "tags": ["vip"]}),
        ("x/3", "Zoë", {"attributes": {"city": "Braga", "plan": "silver"}, "phone": "+351912000003"}),
    ):
        answer = client.put(f"/v1/customers/{external_id}", json=body | {"name": name})
        assert answer.status_code == 201, answer.text
    return client


def names(client: Client, body: dict[str, Any], **query: Any) -> list[str]:
    answer = client.post("/v1/customers/search", json=body, params=query)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["data"]]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Braga", ["Zoë", "Rui Braga", "Ana Sá"]),
        ("brag ana", ["Ana Sá"]),
        ("vip", ["Rui Braga"]),
        ("padel", ["Ana Sá"]),
        ("sao silv", ["Ana Sá"]),
        ("crm-2", ["Rui Braga"]),
        ("912 000 003", ["Zoë"]),
        ("silver", ["Zoë"]),
        ("zebra", []),
    ],
)
def test_anything_that_is_written_about_a_customer_finds_them(people: Client, typed: str, expected: list[str]) -> None:
    assert names(people, {"text": typed}) == expected
    listed = people.get("/v1/customers", params={"query": typed}).json()["data"]
    assert [each["name"] for each in listed] == expected


def test_our_id_finds_the_customer(people: Client) -> None:
    customer = people.get("/v1/customers/crm-1").json()
    assert names(people, {"text": customer["id"]}) == ["Ana Sá"]


def test_a_value_that_changed_is_no_longer_found(people: Client) -> None:
    people.put("/v1/customers/crm-1", json={"attributes": {"city": "Faro"}})
    people.put("/v1/customers/crm-2", json={"tags": None, "name": "Rui"})
    assert names(people, {"text": "Braga"}) == ["Zoë"]
    assert names(people, {"text": "vip"}) == []
    assert names(people, {"text": "faro"}) == ["Ana Sá"]


def test_text_filter_and_segments_hold_together_page_by_page(people: Client) -> None:
    created = people.post("/v1/segments", json={"name": "Chosen", "type": "static"}).json()
    ana = people.get("/v1/customers/crm-1").json()["id"]
    people.post(f"/v1/segments/{created['id']}/members", json={"customer_ids": [ana]})
    assert names(people, {"filter": [PLAN]}) == ["Rui Braga", "Ana Sá"]
    assert names(people, {"filter": [PLAN], "in_segment": created["id"]}) == ["Ana Sá"]
    assert names(people, {"text": "braga", "filter": [PLAN], "not_in_segment": created["id"]}) == ["Rui Braga"]
    assert names(people, {"filter": []}) == []
    first = people.post("/v1/customers/search?limit=2&include=total&fields=name", json={"text": "braga"}).json()
    assert first["data"] == [{"name": "Zoë"}, {"name": "Rui Braga"}]
    assert first["total"] == 3
    assert names(people, {"text": "braga"}, limit=2, include="total", cursor=first["next_cursor"]) == ["Ana Sá"]


def test_all_who_match_come_in_one_stream_of_lines_or_csv(people: Client) -> None:
    people.put("/v1/customers/crm-1", json={"name": "=1+1", "attributes": {"plan": "100% gold"}}).raise_for_status()
    asked = {"text": "braga", "filter": {"any": [PLAN, PLAN | {"value": "100% gold"}]}}
    where = {"fields": "external_id,name,attributes.plan"}
    rows = people.post("/v1/customers/search", json=asked, params=where).json()["data"]
    csv = people.post("/v1/customers/search", json=asked, params=where, headers={"Accept": "text/csv"})
    assert csv.text.splitlines() == ["external_id,name,attributes.plan", '"crm-1","=1+1","100% gold"',
                                     '"crm-2","Rui Braga","gold"']  # fmt: skip
    assert int(csv.headers["Rollcall-Position"]) > 0
    lines = people.post("/v1/customers/search", json=asked, params=where, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == [*rows[::-1], {"count": 2}]
    refused = people.post("/v1/customers/search", json={"in_segment": "none"}, headers={"Accept": "text/csv"})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": [{"attribute": "shoe", "operator": "is_set"}]}, "/filter/0/attribute"),
        ({"in_segment": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f"}, "/in_segment"),
        ({"not_in_segment": "none"}, "/not_in_segment"),
        ({"query": "Ana"}, "/query"),
    ],
)
def test_what_cannot_be_looked_for_is_named(people: Client, body: dict[str, Any], pointer: str) -> None:
    answer = people.post("/v1/customers/search", json=body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_a_timeline_tells_values_before_and_after_and_why_segments_changed(people: Client) -> None:
    gold = people.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": [PLAN]}).json()
    people.put("/v1/customers/x%2F3", json={"attributes": {"plan": "gold", "city": None}})
    answer = people.get("/v1/customers/x%2F3/timeline", params={"include": "total"}).json()
    newest, first = answer["data"]
    assert answer["total"] == 2
    assert newest["changes"] == [
        {"attribute": "city", "before": "Braga", "after": None, "before_known": True},
        {"attribute": "plan", "before": "silver", "after": "gold", "before_known": True},
    ]
    (joined,) = newest["memberships"]
    assert (joined["segment_id"], joined["type"], joined["cause"]) == (gold["id"], "joined", "change")
    assert (first["created"], first["door"], first["memberships"]) == (True, "http", [])
    assert {"attribute": "city", "before": None, "after": "Braga", "before_known": True} in first["changes"]
    ana = people.get("/v1/customers/crm-1/timeline?limit=1").json()
    assert [(each["type"], each["cause"]) for each in ana["data"][0]["memberships"]] == [("joined", "edit")]
    (created,) = people.get("/v1/customers/crm-1/timeline", params={"limit": 1, "cursor": ana["next_cursor"]}).json()[
        "data"
    ]
    assert created["created"]


def test_the_timeline_of_an_erased_customer_is_gone_even_under_the_same_id(people: Client) -> None:
    people.delete("/v1/customers/crm-1")
    assert people.get("/v1/customers/crm-1/timeline").status_code == 404
    people.put("/v1/customers/crm-1", json={"name": "Ana again"})
    (only,) = people.get("/v1/customers/crm-1/timeline").json()["data"]
    assert only["created"]
