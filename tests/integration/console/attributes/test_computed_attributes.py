"""Computed attributes in the console: defined in plain fields, shown in words, edited and removed; and errors."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import Client

from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from tests.support.installation import Installation

NEW = "/console/attributes/computed/new"
ORDERS = {"key": "orders", "label": "Orders", "activity": "order", "aggregate": "count", "window": "last_days",
          "amount": "30"}  # fmt: skip


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    account_id = installation.account()
    for who, total in (("ana", 20), ("bea", 70)):
        fact = Activity("order", {"total": total, "product": "hat"})
        change = CustomerChange(who, "activity", installation.now() - timedelta(days=1), activity=fact)
        installation.rollcall.customers.change(account_id, [change])
    installation.rollcall.attributes.declare(account_id, "plan", "text", None)
    installation.rollcall.attributes.declare(account_id, "total", "number", None)
    return account_id


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def errors_on(page: str) -> dict[str, str]:
    return {field: html.unescape(detail) for field, detail in re.findall(r'id="(\w+)-error">([^<]+)<', page)}


def test_it_is_defined_shown_edited_and_removed(installation: Installation, account_id: UUID, console: Client) -> None:
    assert "Order" in console.get(NEW).text
    where = json.dumps([{"attribute": "total", "operator": "at_least", "value": 50}])
    answer = console.post(NEW, data=ORDERS | {"where": where})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/attributes")
    page = console.get("/console/attributes").text
    assert "Orders was added" in page
    assert "Orders Computed orders Number Computed Times order (where Total is at least 50) in the last 30 days" in (
        text_of(page)
    )
    installation.catch_up()
    bea = console.get("/console/customers?query=bea").text
    found = re.search(r"/console/customers/([0-9a-f-]{36})", bea)
    assert found is not None
    assert "Orders 1" in text_of(console.get(f"/console/customers/{found.group(1)}").text)
    edit = console.get(f"/console/customers/{found.group(1)}/edit").text
    assert ("Plan" in edit, "Orders" in edit) == (True, False)
    asked = {"attribute": "orders", "operator": "at_least", "value": 1}
    draft = SegmentDraft("Buyers", "", "dynamic", [asked])
    installation.computed(account_id, saved := installation.rollcall.segments.create(account_id, draft))
    why = text_of(console.get(f"/console/segments/{saved.id}/customers/{found.group(1)}/why").text)
    assert "Orders is at least 1" in why
    assert "1; the result changes on" in why
    assert "Times order (where Total is at least 50) in the last 30 days" in why
    assert "Number · computed" in console.get("/console/filters/attributes?search=orders").text
    assert "50 Computed" not in (page := text_of(console.get("/console/attributes").text))
    assert "in the last 30 days Buyers Edit Orders Remove Orders" in page
    of_property = {
        "activity": "order",
        "aggregate": "count",
        "operator": "equals",
        "value": 0,
        "where": json.loads(where),
    }
    installation.rollcall.segments.create(account_id, SegmentDraft("Of a property", "", "dynamic", of_property))
    installation.catch_up()
    assert "Total total Number 0 % 0 customers None yet No segment" in text_of(console.get("/console/attributes").text)
    form = console.get("/console/attributes/computed/orders/edit").text
    assert 'value="30"' in form
    assert "Buyers" in form
    edited = ORDERS | {"window": "since", "first": "2020-01-01T00:00", "where": ""}
    assert console.post("/console/attributes/computed/orders/edit", data=edited).status_code == 303
    assert 'value="2020-01-01T00:00:00"' in console.get("/console/attributes/computed/orders/edit").text
    assert "Buyers" in console.get("/console/attributes/computed/orders/remove").text
    refused = console.post("/console/attributes/computed/orders/remove")
    assert (refused.status_code, "Buyers" in refused.text) == (422, True)
    installation.rollcall.segments.delete(account_id, saved.id, None)
    assert console.post("/console/attributes/computed/orders/remove").status_code == 303
    assert "orders" not in console.get("/console/attributes").text.replace("Orders was removed", "")


MISTAKES = [
    ({"key": "Not A Key"}, "key", "a letter first"),
    ({"key": "plan"}, "key", "already"),
    ({"activity": ""}, "activity", "no such activity"),
    ({"aggregate": "sum"}, "of", "names the property"),
    ({"aggregate": "sum", "of": "product"}, "of", "product is a text"),
    ({"amount": "0"}, "amount", "whole number from 1"),
    ({"amount": "many"}, "amount", "whole number from 1"),
    ({"window": "in_period"}, "period", "needs one of"),
    ({"window": "since", "first": "yesterday"}, "first", "2026"),
    ({"window": "between", "first": "2026-02-01", "last": "2026-01-01"}, "first", "after the second"),
    ({"window": "forever"}, "window", "needs one of"),
    ({"where": "{broken"}, "where", "JSON"),
    ({"where": '[{"attribute": "plan", "operator": "is_set"}]'}, "where", "no such property"),
    ({"label": "x" * 300}, "label", "at most"),
]


def test_an_error_is_shown_beside_its_field(console: Client) -> None:
    for typed, field, said in MISTAKES:
        answer = console.post(NEW, data=ORDERS | typed)
        assert answer.status_code == 422
        errors = errors_on(answer.text)
        assert list(errors) == [field], typed
        assert said in errors[field]


def test_another_type_and_another_kind_of_attribute_are_refused(console: Client, account_id: UUID) -> None:
    assert console.post(NEW, data=ORDERS).status_code == 303
    other = console.post("/console/attributes/computed/orders/edit", data=ORDERS | {"aggregate": "last_at"})
    assert "orders is a number" in errors_on(other.text)["aggregate"]
    assert console.get("/console/attributes/orders/edit").status_code == 404
    for path in ("edit", "remove"):
        assert console.get(f"/console/attributes/computed/plan/{path}").status_code == 404
