"""Filters on what customers do, by HTTP and in the console: who is in, since when, why, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from tests.support.activities.orders import create, members, record
from tests.support.clock import Clock
from tests.support.installation import Installation
from tests.support.running_product import eventually

NDJSON = {"Content-Type": "application/x-ndjson"}
THREE_ORDERS = {
    "activity": "order_completed", "aggregate": "count", "window": {"last_days": 30}, "operator": "at_least",
    "value": 3,
}  # fmt: skip
SPENT = {
    "activity": "order_completed", "aggregate": "sum", "of": "total", "operator": "greater_than", "value": 50,
    "where": [{"attribute": "currency", "operator": "equals", "value": "eur"}],
}  # fmt: skip


@pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))
def test_who_ordered_three_times_leaves_at_the_instant_at_which_the_first_order_is_thirty_days_old(
    installation: Installation, client: Client, clock: Clock
) -> None:
    for day in (1, 12, 19):
        record(client, "ana", f"2026-05-{day:02}T09:00:00Z", total=20)
    record(client, "bea", "2026-05-01T09:00:00Z", total=20)
    segment = create(client, THREE_ORDERS)
    eventually(lambda: members(client, segment) == ["ana"])
    for day in (2, 3):
        record(client, "bea", f"2026-05-{day:02}T09:00:00Z", total=1)
    eventually(lambda: members(client, segment) == ["ana", "bea"])
    clock.passes(days=20)
    eventually(lambda: members(client, segment) == [])
    changes = client.get(f"/v1/segments/{segment}/history").json()["data"]
    assert [(row["joined"], row["at"], row["cause"]) for row in changes] == [
        (False, "2026-05-31T09:00:00Z", "time"), (False, "2026-05-31T09:00:00Z", "time"),
        (True, "2026-05-20T10:00:00Z", "activity"), (True, "2026-05-20T10:00:00Z", "edit"),
    ]  # fmt: skip


def test_what_is_asked_of_properties_compares_texts_as_attributes_do(
    installation: Installation, client: Client
) -> None:
    record(client, "ana", "2026-05-01T09:00:00Z", total=30.5, currency="EUR")
    record(client, "ana", "2026-05-02T09:00:00Z", total=19.5, currency="Eur")
    record(client, "bea", "2026-05-02T09:00:00Z", total=99, currency="USD")
    segment = create(client, SPENT)
    assert client.post("/v1/segments/preview", json={"filter": SPENT}).json()["count"] == 0
    record(client, "ana", "2026-04-02T09:00:00Z", total=0.01, currency="eur")
    eventually(lambda: members(client, segment) == ["ana"])
    assert client.post("/v1/segments/preview", json={"filter": SPENT}).json()["count"] == 1
    ana = client.get("/v1/customers/ana").json()["id"]
    why = client.get(f"/v1/segments/{segment}/customers/{ana}/explanation").json()
    assert why["member"]
    assert why["filter"]["actual"] == 50.01
    assert {**SPENT, "pointer": "/filter"}.items() <= why["filter"].items()


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"activity": "order"}, "unknown_activity", "/filter/activity"),
    ({"aggregate": "median"}, "unknown_aggregate", "/filter/aggregate"),
    ({"aggregate": "sum"}, "property_required", "/filter/of"),
    ({"aggregate": "sum", "of": "currency"}, "property_type_mismatch", "/filter/of"),
    ({"aggregate": "sum", "of": "weight"}, "unknown_property", "/filter/of"),
    ({"of": "total"}, "invalid_field", "/filter/of"),
    ({"window": {"last_days": 0}}, "invalid_value", "/filter/window/last_days"),
    ({"window": {"last_days": 36_525}}, "invalid_value", "/filter/window/last_days"),
    ({"window": {"last_days": 1, "last_hours": 1}}, "invalid_window", "/filter/window"),
    ({"window": {"in_period": "this_decade"}}, "invalid_value", "/filter/window/in_period"),
    ({"window": {"since": "yesterday"}}, "invalid_value", "/filter/window/since"),
    ({"operator": "contains"}, "unknown_operator", "/filter/operator"),
    ({"value": "three"}, "invalid_value", "/filter/value"),
    ({"where": [{"attribute": "plan", "operator": "is_set"}]}, "unknown_property", "/filter/where/0/attribute"),
    ({"where": {"attribute": "due", "operator": "in_last_days", "value": 1}}, "relative_date",
     "/filter/where/operator"),
    ({"where": {"all": [{"any": [{"not": {"attribute": "total", "operator": "is_set"}}]}]}}, "filter_too_deep",
     "/filter/where/all/0/any/0"),
    ({"window_days": 3}, "invalid_filter", "/filter"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code", "pointer"), MISTAKES)
def test_a_mistake_is_refused_with_its_place(client: Client, wrong: dict[str, Any], code: str, pointer: str) -> None:
    record(client, "ana", "2026-05-01T09:00:00Z", total=30, currency="EUR", due="2026-05-01")
    body = {"name": "Wrong", "type": "dynamic", "filter": THREE_ORDERS | wrong}
    refused = client.post("/v1/segments", json=body)
    assert refused.status_code == 422, refused.text
    assert [(each["code"], each["pointer"]) for each in refused.json()["errors"]] == [(code, pointer)]
    assert client.get("/v1/segments").json()["data"] == []


def test_the_console_says_what_is_asked_and_keeps_it(
    installation: Installation, console: Client, account_id: UUID
) -> None:
    with installation.open_api(installation.key(account_id)) as client:
        record(client, "ana", "2026-05-01T09:00:00Z", total=60, currency="EUR")
        segment = create(client, [SPENT, THREE_ORDERS | {"value": 1, "window": {"in_period": "this_year"}}])
        eventually(lambda: members(client, segment) == ["ana"])
        ana = client.get("/v1/customers/ana").json()["id"]
    listed = console.get("/console/segments").text
    assert "Total of order completed (where Currency equals eur) is greater than 50" in listed
    assert "Order completed at least once this year" in listed
    form = console.get(f"/console/segments/{segment}/edit")
    assert form.status_code == 200
    assert "order_completed" in form.text
    why = console.get(f"/console/segments/{segment}/customers/{ana}/why")
    assert "Total of order completed" in why.text


def test_customers_are_searched_by_what_they_did_alone(
    installation: Installation, console: Client, account_id: UUID
) -> None:
    with installation.open_api(installation.key(account_id)) as client:
        record(client, "ana", "2026-05-01T09:00:00Z", total=60, currency="EUR")
        record(client, "bea", "2026-05-01T09:00:00Z", total=10, currency="EUR")
        installation.catch_up()
    fields = {"filter-match": "all", "filter-0-asked": json.dumps(SPENT), "action": "apply"}
    applied = console.post("/console/customers/filter", data=fields)
    assert applied.status_code == 303
    assert "order_completed" in applied.headers["location"]
    exported = console.get(applied.headers["location"].replace("customers?", "customers/customers.csv?"))
    assert ("ana" in exported.text, "bea" in exported.text) == (True, False)
    broken = console.post("/console/customers/filter", data=fields | {"filter-0-asked": "{broken"})
    assert broken.status_code == 422


NO_FILTERS = ['[{"attribute":"city"}]', '["x"]', '[{"not":5}]', '{"any":"x"}', '[{"attribute":5}]']


@pytest.mark.parametrize("path", ["customers/export", "customers/filter", "segments/new", "customers"])
@pytest.mark.parametrize("text", NO_FILTERS)
def test_what_is_no_filter_in_an_address_is_refused(console: Client, path: str, text: str) -> None:
    assert console.get(f"/console/{path}", params={"filter": text}).status_code == 422
