"""Computed attributes by HTTP: declared, used, shown, edited and removed, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Client

from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from projections.read import accounts
from projections.worker.chunk_size import ChunkSize
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.activities.orders import create, members, record
from tests.support.clock import Clock
from tests.support.installation import Installation
from tests.support.read_model import read_model
from tests.support.running_product import eventually

NDJSON = {"Content-Type": "application/x-ndjson"}
ORDERS = {"activity": "order_completed", "aggregate": "count", "window": {"last_days": 30}}
AT_LEAST_TWO = {"attribute": "orders_30d", "operator": "at_least", "value": 2}


def compute(client: Client, key: str, definition: Any, label: str | None = None) -> Any:
    answered = client.put(f"/v1/attributes/{key}", json={"label": label, "computed": definition})
    assert answered.status_code == 200, answered.text
    return answered.json()


def value(client: Client, who: str, key: str) -> Any:
    return client.get(f"/v1/customers/{who}").json()["attributes"].get(key)


def assert_shown(client: Client, segment: str) -> None:
    """Pages, streams, searches and previews show the values of three customers; one of them, Ana, is in the segment."""
    assert client.get("/v1/customers/ana").json()["attributes"] == {
        "orders_30d": 2, "mean": 20.5, "last_order": "2026-05-19T09:00:00.000000Z",
    }  # fmt: skip
    assert client.get("/v1/customers/carla").json()["attributes"] == {"orders_30d": 0}
    rows = {row["external_id"]: row for row in client.get("/v1/customers").json()["data"]}
    assert rows["bea"]["attributes"]["mean"] == 70
    chosen = client.get("/v1/customers", params={"fields": "external_id,attributes.orders_30d", "limit": 1}).json()
    assert chosen["data"] == [{"external_id": "carla", "attributes": {"orders_30d": 0}}]
    for accept in ("text/csv", "application/x-ndjson"):
        streamed = client.get(
            "/v1/customers", params={"fields": "external_id,attributes.mean"}, headers={"Accept": accept}
        )
        assert "20.5" in streamed.text
        whole = client.get(f"/v1/segments/{segment}/members", headers={"Accept": accept})
        assert "orders_30d" in whole.text
    found = client.post("/v1/customers/search", json={"filter": AT_LEAST_TWO}).json()
    assert [row["attributes"]["orders_30d"] for row in found["data"]] == [2]
    preview = client.post("/v1/segments/preview", json={"filter": AT_LEAST_TWO}).json()
    assert (preview["count"], preview["sample"][0]["attributes"]["orders_30d"]) == (1, 2)


@pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))
def test_it_is_used_shown_and_explained_and_an_edit_is_served_when_it_is_known(
    installation: Installation, client: Client, clock: Clock
) -> None:
    for day in (1, 19):
        record(client, "ana", f"2026-05-{day:02}T09:00:00Z", total=20.5)
    record(client, "bea", "2026-05-02T09:00:00Z", total=70)
    client.put("/v1/customers/carla", json={"name": "Carla"})
    declared = compute(client, "orders_30d", ORDERS, "Orders of the last 30 days")
    assert (declared["type"], declared["computed"]) == ("number", ORDERS)
    assert declared["definition"] == "Times order completed in the last 30 days"
    compute(client, "mean", {"activity": "order_completed", "aggregate": "average", "of": "total"})
    compute(client, "last_order", {"activity": "order_completed", "aggregate": "last_at"})
    segment = create(client, AT_LEAST_TWO)
    outer = create(client, {"attribute": "segment", "operator": "in", "value": [segment]}, "Outer")
    eventually(lambda: (members(client, segment), members(client, outer)) == (["ana"], ["ana"]))
    assert client.get(f"/v1/segments/{segment}").json()["filter_summary"] == (
        "Orders of the last 30 days is at least 2"
    )
    assert_shown(client, segment)
    ana = client.get("/v1/customers/ana").json()["id"]
    why = client.get(f"/v1/segments/{segment}/customers/{ana}/explanation").json()["filter"]
    assert (why["computed"], why["actual"], why["changes_at"]) == (ORDERS, 2, "2026-05-31T09:00:00Z")
    shown = client.get("/v1/changes", params={"fields": "external_id,attributes.orders_30d"}).json()["data"]
    assert [row["attributes"] for row in shown if row["external_id"] == "ana"] == [{"orders_30d": 2}] * 2
    clock.passes(days=12)
    eventually(lambda: (members(client, segment), members(client, outer)) == ([], []))
    assert value(client, "ana", "orders_30d") == 1
    left = client.get(f"/v1/segments/{segment}/history").json()["data"][0]
    assert (left["at"], left["cause"]) == ("2026-05-31T09:00:00Z", "time")

    compute(client, "orders_30d", ORDERS | {"window": {"last_days": 60}}, "Orders")
    eventually(lambda: (members(client, segment), members(client, outer)) == (["ana"], ["ana"]))
    eventually(lambda: value(client, "ana", "orders_30d") == 2)
    listed = {row["key"]: row for row in client.get("/v1/attributes", params={"limit": 200}).json()["data"]}
    assert (listed["orders_30d"]["state"], listed["orders_30d"]["label"]) == ("current", "Orders")
    joined = client.get(f"/v1/segments/{segment}/history").json()["data"][0]
    assert (joined["joined"], joined["cause"]) == (True, "edit")
    assert client.get(f"/v1/segments/{segment}").json()["filter"] == AT_LEAST_TWO
    versions = client.get(f"/v1/segments/{segment}/versions").json()["data"]
    assert [each["filter"] for each in versions] == [AT_LEAST_TWO]  # it was not edited itself


def test_an_edit_serves_the_old_result_whole_until_all_is_known(installation: Installation, database_url: str) -> None:
    account, rollcall = installation.account(), installation.rollcall
    sent = [
        CustomerChange(who, "activity", installation.now() - timedelta(days=days), None, activity=Activity("visit", {}))
        for who, days in (("ana", 1), ("bea", 9), ("carla", 9), ("dora", 9))
    ]
    rollcall.customers.change(account, sent)
    visits = {"activity": "visit", "aggregate": "count", "window": {"last_days": 5}}
    rollcall.attributes.compute(account, "visits", visits, None)
    asked = {"attribute": "visits", "operator": "at_least", "value": 1}
    rollcall.segments.create(account, SegmentDraft("Visitors", "", "dynamic", asked))
    with installation.worker() as worker, installation.owner() as owner:
        worker.drain()
        while worker.step():
            continue
        seen = []
        rollcall.attributes.compute(account, "visits", visits | {"window": {"last_days": 20}}, None)
        worker.chunk_size, worker._fill_size = 1, ChunkSize(1)
        worker.project_events()
        with installation.database.transaction(account) as connection:
            assert [row.is_served for row in accounts.attributes(connection, account)] == [False]
        while worker.step():
            (found,) = owner.execute(
                "SELECT (SELECT count(*) FROM segments JOIN members ON version_no = serving),"
                " (SELECT count(*) FROM customers"
                "  WHERE (with_computed(account_id, customer_no, attributes)->>'visits')::int > 0)"
            ).fetchall()
            if found not in seen:
                seen.append(found)
        assert seen == [(1, 1), (1, 4), (4, 4)]
    assert list(verify(database_url)) == []
    live = read_model(database_url)
    rebuild(database_url)
    assert read_model(database_url) == live


MISTAKES: list[tuple[Any, str, str]] = [
    ({"activity": "order"}, "unknown_activity", "/computed/activity"),
    ({"aggregate": "median"}, "unknown_aggregate", "/computed/aggregate"),
    ({"aggregate": "sum", "of": "currency"}, "property_type_mismatch", "/computed/of"),
    ({"aggregate": "sum", "of": "orders_30d"}, "unknown_property", "/computed/of"),
    ({"where": [{"attribute": "orders_30d", "operator": "is_set"}]}, "unknown_property",
     "/computed/where/0/attribute"),
    ({"attribute": "orders_30d"}, "invalid_field", "/computed/attribute"),
    ({"operator": "at_least"}, "invalid_field", "/computed/operator"),
    ({"window": {"last_days": 0}}, "invalid_value", "/computed/window/last_days"),
    ({"window": {"last_days": 36_525}}, "invalid_value", "/computed/window/last_days"),
]  # fmt: skip


def test_what_cannot_be_computed_or_set_is_refused_with_its_place(installation: Installation, client: Client) -> None:
    record(client, "ana", "2026-05-01T09:00:00Z", total=30, currency="EUR")
    compute(client, "orders_30d", ORDERS)
    for wrong, code, pointer in MISTAKES:
        refused = client.put("/v1/attributes/wrong", json={"computed": ORDERS | wrong})
        assert refused.status_code == 422, refused.text
        assert [(each["code"], each["pointer"]) for each in refused.json()["errors"]] == [(code, pointer)]
    refused = client.put("/v1/attributes/wrong", json={"computed": ["x"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_definition")
    client.put("/v1/attributes/plan", json={"type": "text"})
    for path, body, code in (
        ("plan", {"computed": ORDERS}, "attribute_not_computed"),
        ("orders_30d", {"type": "number"}, "attribute_is_computed"),
        ("orders_30d", {"computed": {"activity": "order_completed", "aggregate": "last_at"}}, "attribute_type_fixed"),
    ):
        refused = client.put(f"/v1/attributes/{path}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
    refused = client.put("/v1/customers/ana", json={"attributes": {"orders_30d": 5, "plan": "gold"}})
    assert refused.status_code == 422
    assert [(each["code"], each["pointer"]) for each in refused.json()["errors"]] == [
        ("computed_attribute", "/attributes/orders_30d")
    ]
    assert value(client, "ana", "plan") is None
    lines = json.dumps({"external_id": "ana", "attributes": {"orders_30d": None}})
    bulk = client.post("/v1/customers/bulk", content=lines, headers=NDJSON).json()
    assert (bulk["accepted"], bulk["rejected"][0]["code"]) == (0, "computed_attribute")
    traits = {"orders_30d": 5, "city": "Porto"}
    batch = {"batch": [{"type": "identify", "userId": "ana", "traits": traits}]}
    left_out = client.post("/v1/batch", json=batch).json()["left_out"]
    assert [(each["name"], each["code"]) for each in left_out] == [("orders_30d", "computed_attribute")]
    eventually(lambda: value(client, "ana", "city") == "Porto")
    by_hand = client.post("/v1/segments", json={"name": "By hand", "type": "static"}).json()["id"]
    file = {"file": ("a.csv", "phone,orders\n+351912345678,5\n")}
    columns = {"columns": "phone,attributes.orders_30d"}
    refused = client.post(f"/v1/segments/{by_hand}/imports", params=columns, files=file)
    assert (refused.status_code, refused.json()["code"]) == (422, "computed_attribute")
    job = {"action": "tag", "attribute": "orders_30d", "value": "x", "customers": {"text": "ana"}}
    refused = client.post("/v1/jobs", json=job)
    assert (refused.status_code, refused.json()["code"]) == (422, "computed_attribute")
    refused = client.post("/v1/segments", json={
        "name": "Wrong", "type": "dynamic", "filter": [AT_LEAST_TWO | {"operator": "contains"}],
    })  # fmt: skip
    assert refused.json()["errors"][0]["pointer"] == "/filter/0/operator"
    assert "orders_30d is a number" in refused.json()["errors"][0]["detail"]


def test_one_that_no_filter_uses_is_removed_and_its_key_is_free(installation: Installation, client: Client) -> None:
    record(client, "ana", "2026-05-01T09:00:00Z", total=30)
    compute(client, "orders_30d", ORDERS)
    segment = create(client, [AT_LEAST_TWO], "Buyers")
    refused = client.delete("/v1/attributes/orders_30d")
    assert (refused.status_code, refused.json()["code"]) == (409, "attribute_in_use")
    assert "Buyers" in refused.json()["detail"]
    assert client.delete(f"/v1/segments/{segment}").status_code == 204
    assert client.delete("/v1/attributes/orders_30d").status_code == 204
    assert client.delete("/v1/attributes/orders_30d").status_code == 404
    assert "orders_30d" not in {
        row["key"] for row in client.get("/v1/attributes", params={"limit": 200}).json()["data"]
    }
    assert client.put("/v1/customers/ana", json={"attributes": {"orders_30d": "many"}}).status_code == 200
    assert value(client, "ana", "orders_30d") == "many"
    refused = client.delete("/v1/attributes/orders_30d")
    assert (refused.status_code, refused.json()["code"]) == (409, "attribute_not_computed")
