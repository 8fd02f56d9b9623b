"""What customers do: recorded once by its source and id, typed, listed by its own time, erased with the customer."""

from __future__ import annotations

import csv
import json
from typing import Any
from uuid import UUID

from httpx import Client, Response

from projections.worker.rebuild import rebuild
from tests.support.installation import Installation

BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
NDJSON = {"Content-Type": "application/x-ndjson"}

MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "Order Completed"}, "invalid_activity_name", "/name"),
    ({"name": None}, "name_required", "/name"),
    ({"properties": {"Total": 1}}, "invalid_property_key", "/properties/Total"),
    ({"properties": {"total": "ten"}}, "attribute_type_mismatch", "/properties/total"),
    ({"properties": {"cart": {"id": 1}}}, "invalid_value", "/properties/cart"),
    ({"properties": {f"p{n}": n for n in range(10_000)}}, "too_many_properties", "/properties"),
    ({"properties": [1]}, "invalid_field", "/properties"),
    ({"time": "2999-01-01T00:00:00Z"}, "time_in_future", "/time"),
    ({"time": "yesterday"}, "invalid_time", "/time"),
    ({"external_id": None}, "external_id_required", "/external_id"),
    ({"external_id": " "}, "invalid_identifier", "/external_id"),
    ({"id": 7}, "invalid_identifier", "/id"),
    ({"total": 5}, "invalid_field", "/total"),
]


def record(client: Client, *lines: dict[str, Any], **headers: str) -> Response:
    body = "\n".join(json.dumps(line) for line in lines)
    return client.post("/v1/activities", content=body.encode(), headers=NDJSON | headers)


def order(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "external_id": "ana", "name": "order_completed", "id": f"o-{number}",
        "time": f"2026-05-{number:02}T10:00:00Z", "properties": {"total": 10 * number},
    } | fields  # fmt: skip


def done_by(client: Client, external_id: str) -> list[Any]:
    answered = client.get(f"/v1/customers/{external_id}/activities")
    assert answered.status_code == 200, answered.text
    return [each["properties"].get("total") for each in answered.json()["data"]]


def test_facts_are_listed_by_their_own_time_whenever_they_arrived(client: Client) -> None:
    answered = record(client, order(2), order(3), order(1))
    assert answered.json() == {"accepted": 3, "rejected": []}
    assert done_by(client, "ana") == [30, 20, 10]
    (first, *_) = client.get("/v1/customers/ana/activities").json()["data"]
    assert first == {"name": "order_completed", "time": "2026-05-03T10:00:00Z", "properties": {"total": 30}}
    page = client.get("/v1/customers/ana/activities", params={"limit": 2, "include": "total"}).json()
    assert (len(page["data"]), page["total"]) == (2, 3)
    rest = client.get("/v1/customers/ana/activities", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [each["properties"]["total"] for each in rest["data"]] == [10]


def test_a_fact_counts_once_by_its_source_and_id(client: Client) -> None:
    for _ in range(2):
        assert record(client, order(1), order(1)).json()["accepted"] == 2
    # Of another source it is another fact, and without an id each time a new one.
    event = {"specversion": "1.0", "type": "rollcall.activity.recorded.v1", "source": "/shop", "id": "o-1",
             "subject": "ana", "time": "2026-05-02T00:00:00Z",
             "data": {"name": "order_completed", "properties": {"total": 7}}}  # fmt: skip
    answered = client.post("/v1/events", content=json.dumps([event, event]).encode(), headers=BATCHED)
    assert [each["result"] for each in answered.json()["results"]] == ["recorded", "duplicate"]
    record(client, order(3, id=None), order(3, id=None))
    assert done_by(client, "ana") == [30, 30, 7, 10]


def test_a_fact_of_before_1970_is_one_like_any_other(client: Client) -> None:
    early = order(1, time="1969-07-20T20:17:40Z")
    for who in ("ana", "ana", "ben"):
        assert record(client, early | {"external_id": who}).json() == {"accepted": 1, "rejected": []}
    listed = client.get("/v1/activities").json()["data"]
    assert [each["time"] for each in listed] == ["1969-07-20T20:17:40Z"]
    assert client.get("/v1/customers/ana").status_code == 200


def test_a_repeat_of_a_whole_body_counts_once_by_its_key(client: Client) -> None:
    lines = [order(1, id=None), order(2, id=None)]
    for _ in range(2):
        assert record(client, *lines, **{"Idempotency-Key": "k-1"}).json()["accepted"] == 2
    assert done_by(client, "ana") == [20, 10]


def test_a_customer_who_is_not_known_is_created_and_an_activity_is_no_change_of_theirs(client: Client) -> None:
    record(client, order(1))
    before = client.get("/v1/customers/ana")
    assert (before.status_code, before.json()["external_id"]) == (200, "ana")
    record(client, order(2))
    after = client.get("/v1/customers/ana")
    assert (after.headers["etag"], after.json()["updated_at"]) == (
        before.headers["etag"],
        before.json()["updated_at"],
    )
    changed = client.put("/v1/customers/ana", json={"name": "Ana"}, headers={"If-Match": after.headers["etag"]})
    assert changed.status_code == 200


def test_a_mistake_is_named_and_stops_no_other_line(client: Client) -> None:
    record(client, order(1))
    answered = record(client, *(order(2) | line for line, _, _ in MISTAKES), order(3)).json()
    assert answered["accepted"] == 1
    assert [(each["line"], each["code"]) for each in answered["rejected"]] == [
        (number, code) for number, (_, code, _) in enumerate(MISTAKES, 1)
    ]
    for rejected, (_, _, place) in zip(answered["rejected"], MISTAKES, strict=True):
        assert place in rejected["detail"]
    assert done_by(client, "ana") == [30, 10]


def test_an_sdk_records_what_fits_and_says_what_does_not(client: Client) -> None:
    record(client, order(1))
    track = {"type": "track", "userId": "ana", "event": "Order Completed", "timestamp": "2026-05-02T00:00:00Z"}
    batch = [
        track | {"messageId": "m-1", "properties": {"total": 5, "note": "x"}},
        track | {"messageId": "m-2", "properties": {"total": "five", "note": "y"}},
        track | {"messageId": "m-1", "properties": {"total": 5}},
        track | {"messageId": "m-3", "userId": None, "anonymousId": "a-1"},
    ]
    answered = client.post("/v1/batch", json={"batch": batch})
    assert answered.status_code == 200, answered.text
    assert [(each["index"], each["name"], each["code"]) for each in answered.json()["left_out"]] == [
        (1, "total", "attribute_type_mismatch")
    ]
    done = [each["properties"] for each in client.get("/v1/customers/ana/activities").json()["data"]]
    assert done == [{"note": "y"}, {"total": 5, "note": "x"}, {"total": 10}]
    counts = {
        (each["name"], each["result"]): each["count"]
        for each in client.get("/v1/received").json()["data"]
        if each["subject"] == "message"
    }
    assert counts == {("track", "recorded"): 2, ("track", "duplicate"): 1, ("track", "anonymous"): 1}


def test_an_erasure_refuses_what_is_older_and_the_customer_begins_anew(client: Client) -> None:
    record(client, order(1), order(2))
    assert client.delete("/v1/customers/ana").status_code == 204
    event = {"specversion": "1.0", "type": "rollcall.activity.recorded.v1", "source": "/shop", "id": "o-9",
             "subject": "ana", "time": "2026-05-02T00:00:00Z", "data": {"name": "order_completed"}}  # fmt: skip
    answered = client.post("/v1/events", content=json.dumps([event]).encode(), headers=BATCHED)
    assert [each["result"] for each in answered.json()["results"]] == ["stale"]
    assert client.get("/v1/customers/ana/activities").status_code == 404
    record(client, order(3, time=None))
    assert done_by(client, "ana") == [30]


def test_a_replay_gives_the_same_facts(installation: Installation, account_id: UUID, key: str) -> None:
    def facts() -> list[Any]:
        with installation.owner() as owner:
            return owner.execute(
                "SELECT customer_no, time, position, activity, properties::text FROM rollcall_model.activities"
                " WHERE account_id = %s ORDER BY position",
                [account_id],
            ).fetchall()

    with installation.open_api(key) as client, installation.projecting():
        record(client, *(order(number, external_id=f"c{number % 3}") for number in range(1, 20)))
        client.delete("/v1/customers/c1").raise_for_status()
        before = facts()
    assert len(before) == 12
    rebuild(installation.url)
    assert facts() == before


def test_a_timeline_has_what_was_done_at_its_own_time_among_changes_joins_and_leaves(client: Client) -> None:
    client.put("/v1/customers/ana", json={"name": "Ana"}).raise_for_status()
    asked = {"activity": "order_completed", "aggregate": "count", "operator": "at_least", "value": 2}
    record(client, order(2))
    body = {"name": "Twice", "type": "dynamic", "filter": [asked]}
    client.post("/v1/segments", json=body).raise_for_status()
    client.put("/v1/customers/ana", json={"name": "Ana Sá"}).raise_for_status()
    record(client, order(1))
    whole = client.get("/v1/customers/ana/timeline", params={"include": "total"}).json()
    shown = [(each["activity"], each["properties"], [c["after"] for c in each["changes"] if c["attribute"] == "name"])
             for each in whole["data"]]  # fmt: skip
    assert shown == [(None, {}, ["Ana Sá"]), (None, {}, ["Ana"]), ("order_completed", {"total": 20}, []),
                     ("order_completed", {"total": 10}, [])]  # fmt: skip
    assert whole["total"] == 4
    assert [each["segment_name"] for each in whole["data"][3]["memberships"]] == ["Twice"]
    paged, cursor = list[Any](), None
    for _ in range(4):
        query = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
        page = client.get("/v1/customers/ana/timeline", params=query).json()
        paged += page["data"]
        cursor = page["next_cursor"]
    assert (paged, cursor) == (whole["data"], None)


def test_known_activities_are_listed_with_what_may_be_asked_and_the_values_that_facts_have(client: Client) -> None:
    record(client, order(1, properties={"total": 10, "shop": "Braga", "paid": "2026-05-20T10:00:00Z"}))
    record(client, order(2, properties={"shop": "Porto"}), order(3, properties={"shop": "Porto"}))
    record(client, {"external_id": "rui", "name": "email_opened"})
    opened, ordered = client.get("/v1/activity-types").json()["data"]
    assert (opened, ordered["name"]) == ({"name": "email_opened", "properties": []}, "order_completed")
    paid, shop, total = ordered["properties"]
    assert (paid["key"], paid["type"], shop["aggregates"]) == ("paid", "datetime", ["distinct", "latest"])
    assert "sum" in total["aggregates"]
    assert "in_last_days" not in paid["operators"]
    page = client.get("/v1/activity-types", params={"limit": 1}).json()
    rest = client.get("/v1/activity-types", params={"cursor": page["next_cursor"]}).json()
    assert [each["name"] for each in rest["data"]] == ["order_completed"]
    values = client.get("/v1/activity-types/order_completed/properties/shop/values").json()
    assert (values["data"], values["among"]) == (
        [{"value": "Porto", "facts": 2}, {"value": "Braga", "facts": 1}], 3,
    )  # fmt: skip
    found = client.get("/v1/activity-types/order_completed/properties/shop/values", params={"search": "BRA"}).json()
    assert [each["value"] for each in found["data"]] == ["Braga"]
    for path, code in (
        ("order/properties/shop", "activity_not_found"),
        ("order_completed/properties/x", "property_not_found"),
    ):
        assert client.get(f"/v1/activity-types/{path}/values").json()["code"] == code


def test_all_that_was_done_is_read_by_page_and_in_one_stream(client: Client) -> None:
    record(client, order(2), order(1), order(3, external_id="ben", name="opened", properties={"mail": 'a "b", c'}))
    for _ in range(2):  # who did nothing is in no list
        client.put("/v1/customers/carl", json={"name": "Carl"})
    pages, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/activities", params=params | {"include": "total"}).json()
        assert page["total"] == 3
        pages += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [(each["external_id"], each["time"][:10]) for each in pages] == [
        ("ana", "2026-05-01"), ("ana", "2026-05-02"), ("ben", "2026-05-03")
    ]  # fmt: skip

    def read(form: str, **asked: str) -> str:
        answered = client.get("/v1/activities", params=asked, headers={"Accept": form})
        assert answered.status_code == 200, answered.text
        return answered.text

    *lines, last = [json.loads(line) for line in read("application/x-ndjson").splitlines()]
    assert (lines, last) == (pages, {"count": 3})
    rows = list(csv.reader(read("text/csv").splitlines()))
    assert rows[0] == ["customer_id", "external_id", "name", "time", "properties"]
    assert [(row[1:4], json.loads(row[4])) for row in rows[1:]] == [
        ([each["external_id"], each["name"], each["time"]], each["properties"]) for each in pages
    ]
    for asked, found in (
        ({"name": "opened"}, 1), ({"from": "2026-05-02T10:00:00Z"}, 2), ({"to": "2026-05-02T10:00:00Z"}, 2),
        ({"name": "order_completed", "from": "2026-05-02T00:00:00Z"}, 1), ({"name": "unheard_of"}, 0),
    ):  # fmt: skip
        assert len(client.get("/v1/activities", params=asked).json()["data"]) == found, asked
        assert json.loads(read("application/x-ndjson", **asked).splitlines()[-1]) == {"count": found}, asked


def test_a_stretch_of_time_that_is_none_is_refused_with_its_place(client: Client) -> None:
    backwards = {"from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    for asked, place in (({"from": "yesterday"}, "/query/from"), (backwards, "/query/to")):
        answered = client.get("/v1/activities", params=asked)
        assert answered.status_code == 422, answered.text
        assert answered.json()["errors"][0]["pointer"] == place
