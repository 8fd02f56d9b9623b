"""Segments and their members over HTTP, against real PostgreSQL and a real worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from httpx import Client

from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
SILVER = [{"attribute": "plan", "operator": "equals", "value": "silver"}]


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    with installation.projecting(), installation.open_api(key) as client:
        client.put("/v1/attributes/plan", json={"type": "text", "label": "Plan"}).raise_for_status()
        yield client


def put(client: Client, external_id: str, plan: str | None, **body: Any) -> int:
    answered = client.put(f"/v1/customers/{external_id}", json={"attributes": {"plan": plan}, **body})
    assert answered.is_success, answered.text
    return int(answered.headers["Rollcall-Position"])


def create(client: Client, name: str = "Gold", **body: Any) -> Any:
    answered = client.post("/v1/segments", json={"name": name, "type": "dynamic", "filter": GOLD, **body})
    assert answered.status_code == 201, answered.text
    return answered.json()


def members(client: Client, segment: Any, **parameters: Any) -> list[str]:
    answered = client.get(f"/v1/segments/{segment['id']}/members", params=parameters)
    assert answered.status_code == 200, answered.text
    return [each["external_id"] for each in answered.json()["data"]]


def test_a_dynamic_segment_has_its_members_when_it_is_created(client: Client) -> None:
    put(client, "a", "gold")
    put(client, "b", "silver")
    answered = client.post(
        "/v1/segments", json={"name": " Gold ", "description": "the best", "type": "dynamic", "filter": GOLD}
    )
    assert answered.status_code == 201
    segment = answered.json()
    assert set(segment) == {
        "id", "name", "description", "type", "filter", "filter_summary", "version", "created_at", "updated_at",
        "members", "label_ids", "archived",
    }  # fmt: skip
    assert segment["name"] == "Gold"
    assert segment["filter"] == GOLD
    assert segment["filter_summary"] == "Plan equals gold"
    assert segment["members"]["count"] == 1
    assert segment["members"]["state"] == "current"
    assert segment["members"]["position"] >= int(answered.headers["Rollcall-Position"])
    assert answered.headers["ETag"] == f'"{segment["version"]}"'
    assert answered.headers["Location"] == f"/v1/segments/{segment['id']}"
    assert client.get(answered.headers["Location"]).json()["members"]["count"] == 1
    assert members(client, segment) == ["a"]


def test_members_follow_changes_and_carry_their_instant(client: Client) -> None:
    segment = create(client)
    put(client, "a", "gold", name="Ana")
    position = put(client, "b", "gold", name="Bea")
    page = client.get(f"/v1/segments/{segment['id']}/members", params={"min_position": position, "include": "total"})
    assert page.json()["total"] == 2
    assert [each["external_id"] for each in page.json()["data"]] == ["b", "a"]
    assert {"id", "phone", "name", "attributes", "tags", "opted_out", "joined_at"} <= set(page.json()["data"][0])
    assert page.json()["data"][0]["joined_at"] > page.json()["data"][1]["joined_at"]
    assert int(page.headers["Rollcall-Position"]) >= position
    position = put(client, "a", "silver")
    assert members(client, segment, min_position=position) == ["b"]
    assert members(client, segment, query="be") == ["b"]
    assert members(client, segment, query="ana") == []


def test_an_edit_answers_with_the_new_members_and_keeps_joined_at_of_those_who_stay(client: Client) -> None:
    segment = create(client)
    for external_id, plan in (("a", "gold"), ("b", "silver"), ("c", "gold")):
        position = put(client, external_id, plan)
    before = client.get(f"/v1/segments/{segment['id']}/members", params={"min_position": position}).json()["data"]
    either = {"any": [GOLD[0], SILVER[0]]}
    edited = client.patch(
        f"/v1/segments/{segment['id']}", json={"filter": either}, headers={"If-Match": f'"{segment["version"]}"'}
    )
    assert edited.status_code == 200
    assert edited.json()["filter"] == either
    assert edited.json()["members"]["count"] == 3
    assert edited.json()["members"]["state"] == "current"
    after = client.get(
        f"/v1/segments/{segment['id']}/members", params={"min_position": edited.headers["Rollcall-Position"]}
    ).json()["data"]
    joined = {each["external_id"]: each["joined_at"] for each in after}
    assert set(joined) == {"a", "b", "c"}
    assert {each["external_id"]: each["joined_at"] for each in before}.items() <= joined.items()


def test_a_stale_edit_is_refused_and_changes_nothing(client: Client) -> None:
    segment = create(client)
    address = f"/v1/segments/{segment['id']}"
    first = {"If-Match": f'"{segment["version"]}"'}
    renamed = client.patch(address, json={"name": "Golden"}, headers=first)
    assert renamed.json()["name"] == "Golden"
    assert renamed.headers["ETag"] != first["If-Match"]
    for stale in (client.patch(address, json={"name": "Mine"}, headers=first), client.delete(address, headers=first)):
        assert stale.status_code == 412
        assert stale.json()["current_version"] == renamed.json()["version"]
    assert client.get(address).json() | {"members": None} == renamed.json() | {"members": None}
    assert client.delete(address, headers={"If-Match": renamed.headers["ETag"]}).status_code == 204
    assert client.get(address).status_code == 404
    assert client.patch(address, json={"name": "x"}).status_code == 404
    assert client.delete(address).status_code == 404
    assert client.get(f"{address}/members").status_code == 404


def test_the_list_is_newest_first_and_filtered_by_name_and_type(client: Client) -> None:
    for name in ("Gold 100%", "gold_plated", "Silver"):
        create(client, name)
    client.post("/v1/segments", json={"name": "Golden list", "type": "static"}).raise_for_status()

    def names(**parameters: Any) -> list[str]:
        answered = client.get("/v1/segments", params=parameters)
        assert answered.status_code == 200, answered.text
        return [each["name"] for each in answered.json()["data"]]

    assert names() == ["Golden list", "Silver", "gold_plated", "Gold 100%"]
    assert names(name="GOLD") == ["Golden list", "gold_plated", "Gold 100%"]
    assert names(name="gold", type="dynamic") == ["gold_plated", "Gold 100%"]
    assert names(type="static") == ["Golden list"]
    assert names(name="%") == ["Gold 100%"]
    assert names(name="_") == ["gold_plated"]
    static = client.get("/v1/segments", params={"type": "static", "include": "total"}).json()
    assert static["total"] == 1
    assert static["data"][0]["filter"] is None
    assert static["data"][0]["filter_summary"] == "No filters"
    assert static["data"][0]["members"]["state"] == "current"


@pytest.mark.parametrize("nothing", [[], {"all": []}, {"any": []}])
def test_an_empty_filter_matches_no_customer(client: Client, nothing: Any) -> None:
    put(client, "a", "gold")
    segment = create(client, filter=nothing)
    assert segment["members"] == segment["members"] | {"count": 0, "state": "current"}
    assert segment["filter_summary"] == "No filters"


def test_the_segments_of_a_customer(client: Client) -> None:
    gold, silver, everyone = create(client), create(client, filter=SILVER), create(
        client, "Set", filter=[{"attribute": "plan", "operator": "is_set"}]
    )  # fmt: skip
    position = put(client, "a", "gold")
    page = client.get("/v1/customers/a/segments", params={"min_position": position, "include": "total"}).json()
    assert [each["id"] for each in page["data"]] == [everyone["id"], gold["id"]]
    assert page["total"] == 2
    joined = client.get(f"/v1/segments/{gold['id']}/members").json()["data"][0]["joined_at"]
    assert page["data"][1]["joined_at"] == joined
    assert silver["id"] not in str(page)
    assert client.get("/v1/customers/nobody/segments").status_code == 404


def test_pages_hold_each_row_once_and_cursors_work_only_for_their_list(client: Client) -> None:
    segment = create(client)
    for n in range(7):
        position = put(client, f"c{n}", "gold")
    for n in range(3):
        create(client, f"more {n}")
    address = f"/v1/segments/{segment['id']}/members"
    lists = {address: 7, "/v1/customers": 7, "/v1/segments": 4, "/v1/customers/c1/segments": 4, "/v1/attributes": 7}
    for each, rows in lists.items():
        seen: list[Any] = []
        parameters: dict[str, Any] = {"limit": 2, "min_position": position}
        while True:
            page = client.get(each, params=parameters).json()
            seen += page["data"]
            if page["next_cursor"] is None:
                break
            parameters["cursor"] = page["next_cursor"]
        assert len(seen) == rows, each
        assert len({str(row) for row in seen}) == rows, each
        whole = client.get(each, params={"limit": 200, "include": "total"}).json()
        assert whole["total"] == rows
        assert str([row.get("id", row.get("key")) for row in seen]) == str(
            [row.get("id", row.get("key")) for row in whole["data"]]
        )
    cursor = client.get(address, params={"limit": 2}).json()["next_cursor"]
    for elsewhere, parameters in (
        ("/v1/customers", {}), (address, {"query": "x"}), (address, {"cursor_changed": "1"}),
    ):  # fmt: skip
        refused = client.get(elsewhere, params={"cursor": cursor, **parameters})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")
    another = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for broken in (cursor[:-2], another, "x", "é", "=", "e30"):
        assert client.get(address, params={"cursor": broken}).status_code == 400


def test_a_static_segment_has_no_filter(client: Client) -> None:
    refused = client.post("/v1/segments", json={"name": "List", "type": "static", "filter": GOLD})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/filter"
    static = client.post("/v1/segments", json={"name": "List", "type": "static"}).json()
    edited = client.patch(f"/v1/segments/{static['id']}", json={"filter": GOLD})
    assert (edited.status_code, edited.json()["code"]) == (409, "static_has_no_filter")
    assert members(client, static) == []


def test_an_attribute_that_a_segment_reads_names_it_when_its_type_is_refused(client: Client) -> None:
    free = client.put("/v1/attributes/plan", json={"type": "number"})
    assert (free.status_code, free.json()["code"]) == (409, "attribute_type_fixed")
    create(client, "Readers of plan", filter={"not": {"any": [GOLD[0]]}})
    used = client.put("/v1/attributes/plan", json={"type": "number"})
    assert (used.status_code, used.json()["code"]) == (409, "attribute_in_use")
    assert "Readers of plan" in used.json()["detail"]
    relabelled = client.put("/v1/attributes/plan", json={"type": "text", "label": "Tariff"})
    assert relabelled.json()["label"] == "Tariff"
    assert client.get("/v1/segments").json()["data"][0]["filter_summary"].startswith("not (Tariff")


def test_attributes_list_types_and_operators_built_in_ones_too(client: Client) -> None:
    listed = {each["key"]: each for each in client.get("/v1/attributes").json()["data"]}
    assert listed["plan"] == {
        "key": "plan", "type": "text", "label": "Plan", "built_in": False, "operators": listed["name"]["operators"],
        "customers": 0, "fill_rate": 0.0, "many_values": False,
    }  # fmt: skip
    assert listed["tags"]["type"] == "list"
    assert listed["opted_out"]["built_in"] is True
    assert {"equals", "contains", "is_set", "not_in"} <= set(listed["plan"]["operators"])
    assert client.put("/v1/attributes/phone", json={"type": "text"}).status_code == 422


def test_unknown_ids_are_not_found_whatever_they_look_like(client: Client) -> None:
    for unknown in (str(uuid4()), "1", "x" * 500, "%F0%9F%A6%84", "%00"):
        for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/members")):
            answered = client.request(method, f"/v1/segments/{unknown}{tail}")
            assert answered.status_code in (404, 405), (unknown, answered.text)
