"""Lists with chosen fields, by page and in one stream: what is said of a customer is the same everywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from httpx import Client

from tests.support.installation import Installation

NAMES = ['Ana "A" Sá', "=1+1, x", "Zoë\nNew", "\\back\\", None]
FIELDS = (
    "external_id,name,attributes.plan,attributes.spend,tags,attributes.likes,opted_out,created_at,attributes.vip,"
    "attributes.seen,attributes.none"
)
NDJSON, CSV = {"Accept": "application/x-ndjson"}, {"Accept": "text/csv"}
pytestmark = pytest.mark.attributes(
    plan="text", spend="number", seen="datetime", likes="list", vip="boolean", none="text"
)


@pytest.fixture
def lists(client: Client) -> list[str]:
    """The addresses of five lists of the same five customers; one of them is opted out, and no recipient."""
    for n, name in enumerate(NAMES):
        attributes = {
            "plan": "gold", "spend": 1.5 + n, "seen": "2020-02-01T10:00:00.123Z", "likes": ["a", 'b,"c'],
            "vip": n % 2 == 0,
        }  # fmt: skip
        body = {"name": name, "phone": f"+35191234567{n}", "attributes": attributes, "tags": ["t"] if n else None}
        client.put(f"/v1/customers/c{n}", json=body).raise_for_status()
    client.put("/v1/customers/c4", json={"opted_out": True}).raise_for_status()
    raw = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
    segment = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": raw}).json()["id"]
    campaign = client.post("/v1/campaigns", json={"name": "C", "segment_ids": [segment]}).json()["id"]
    audience = client.post(f"/v1/campaigns/{campaign}/audience").json()["id"]
    return [
        "/v1/customers", f"/v1/segments/{segment}/members", f"/v1/campaigns/{campaign}/recipients",
        f"/v1/audiences/{audience}/recipients", f"/v1/segments/{segment}/changes",
    ]  # fmt: skip


def sets_of(path: str, installation: Installation) -> Iterator[dict[str, str]]:
    """Ways to ask for a list: all fields and some, everybody and those found, now and earlier."""
    for fields in ({}, {"fields": FIELDS}, {"fields": "attributes,tags"}, {"fields": "phone"}):
        yield fields
        if path.endswith(("/customers", "/members")):
            yield {**fields, "query": "ana"}
        if path.endswith("/members"):
            yield {**fields, "at": installation.now().isoformat()}


def in_any_order(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def cells_of(row: Any, columns: list[str]) -> list[Any]:
    """What a CSV line of a row says."""
    parts = [column.partition(".") for column in columns]
    return [row[group][key] if key else row[group] for group, _, key in parts]


def parsed(cell: str, value: Any) -> Any:
    """A cell as the kind of value that it stands for."""
    return cell or None if isinstance(value, str | None) else json.loads(cell)


def test_a_stream_holds_what_the_pages_hold(client: Client, installation: Installation, lists: list[str]) -> None:
    for path in lists:
        for asked in sets_of(path, installation):
            page = client.get(path, params=asked)
            rows = page.json()["data"]
            assert rows, (path, asked)
            *streamed, last = [
                json.loads(line) for line in client.get(path, params=asked, headers=NDJSON).text.splitlines()
            ]
            assert last == {"count": len(rows)}
            assert in_any_order(streamed) == in_any_order(rows), (path, asked)
            header, *lines = csv.reader(StringIO(client.get(path, params=asked, headers=CSV).text))
            for line, row in zip(lines, streamed, strict=True):
                values = cells_of(row, header)
                assert [parsed(*pair) for pair in zip(line, values, strict=True)] == values, (path, asked)


def test_only_the_chosen_fields_are_shown_and_all_of_them(client: Client, lists: list[str]) -> None:
    for path in lists[:-1]:
        row = client.get(path, params={"fields": "phone,attributes.plan,attributes.none", "limit": 1}).json()["data"][0]
        assert list(row) == ["phone", "attributes"]
        assert row["attributes"] == {"plan": "gold", "none": None}
    shown = client.get("/v1/customers/c1", params={"fields": "attributes.spend,tags"})
    assert shown.json() == {"attributes": {"spend": 2.5}, "tags": ["t"]}
    assert shown.headers["ETag"]


def test_an_unknown_field_and_another_form_are_refused(client: Client, lists: list[str]) -> None:
    for path in [*lists, "/v1/customers/c1"]:
        for headers in ({}, NDJSON) if path in lists else ({},):
            refused = client.get(path, params={"fields": "attributes.plam"}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (422, "unknown_field"), path
            assert "did you mean attributes.plan?" in refused.json()["detail"]
        assert client.get(path, headers={"Accept": "text/html"}).status_code == 406


def test_what_was_not_frozen_of_a_recipient_is_as_it_is_now(client: Client, lists: list[str]) -> None:
    client.put("/v1/customers/c0", json={"name": "Later", "opted_out": True, "attributes": {"plan": "silver"}})
    client.delete("/v1/customers/c1").raise_for_status()
    asked = {"fields": "external_id,name,opted_out,attributes.plan"}
    rows = client.get(lists[3], params=asked).json()["data"]
    first = {"external_id": "c0", "name": NAMES[0], "opted_out": True, "attributes": {"plan": "silver"}}
    assert [rows[0], len(rows)] == [first, 3]
    *lines, _ = client.get(lists[3], params=asked, headers=NDJSON).text.splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_streams_and_pages_end_early_where_customers_are_large_and_lose_none(
    client: Client, lists: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {path: client.get(path, params={"fields": "attributes"}).json()["data"] for path in lists}
    for module in ("recipients", "streams.lines", "streams.changes"):
        monkeypatch.setattr(f"projections.read.{module}.MOST_BYTES", 200)
    for path in lists:
        *lines, last = client.get(path, params={"fields": "attributes"}, headers=NDJSON).text.splitlines()
        assert json.loads(last)["count"] == len(lines) == len(whole[path])
        assert in_any_order([json.loads(line) for line in lines]) == in_any_order(whole[path])
    found: list[Any] = []
    after, more = 0, True
    while more:
        body = client.get(lists[4], params={"fields": "attributes", "after": after, "limit": 4}).json()
        assert 0 < len(body["data"]) < 4
        found, after, more = found + body["data"], body["next_after"], body["more"]
    assert found == whole[lists[4]]


def test_a_stream_names_the_change_that_it_is_as_of(client: Client, lists: list[str]) -> None:
    """So that a follower who starts from a list misses nothing, and sees nothing twice."""
    listed = client.get(lists[1], params={"fields": "id"}, headers=NDJSON)
    after = int(listed.headers["Rollcall-Next-After"])
    inside = {json.loads(line)["id"] for line in listed.text.splitlines()[:-1]}
    client.put("/v1/customers/c0", json={"attributes": {"plan": None}}).raise_for_status()
    client.put("/v1/customers/new", json={"attributes": {"plan": "gold"}}).raise_for_status()
    for change in client.get(lists[4], params={"after": after}).json()["data"]:
        assert (change["customer_id"] in inside) == (change["type"] == "left")
        inside ^= {change["customer_id"]}
    now = client.get(lists[1], params={"fields": "id"}, headers=NDJSON)
    assert inside == {json.loads(line)["id"] for line in now.text.splitlines()[:-1]}
    assert int(now.headers["Rollcall-Next-After"]) == after + 2
