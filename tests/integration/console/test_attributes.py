"""Attributes in the console: the list, adding one, changing a label, and errors beside their fields."""

from __future__ import annotations

import html
import re
from uuid import UUID

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from domain.values import ATTRIBUTE_TYPES
from tests.support.console.segment_forms import customers
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    account_id = installation.account()
    installation.rollcall.attributes.declare(account_id, "plan", "text", "Plan & price")
    return account_id


def row_of(page: str, key: str) -> str:
    found = re.search(rf'<tr id="attribute-{key}">(.*?)</tr>', page, re.S)
    assert found is not None, f"no row for {key}"
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found.group(1))).split())


def errors_on(page: str) -> dict[str, str]:
    return {field: html.unescape(detail) for field, detail in re.findall(r'id="(\w+)-error">([^<]+)<', page)}


def test_each_attribute_shows_how_many_have_it_which_values_and_the_segments_that_use_it(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    customers(installation, account_id, ana="gold", rui="gold", eva="silver")
    without = CustomerChange("x", "changed", installation.now(), CustomerData())
    installation.rollcall.customers.change(account_id, [without])
    for name, raw in (("One", GOLD), ("Two", {"any": [*GOLD, {"not": GOLD[0]}]})):
        installation.rollcall.segments.create(account_id, SegmentDraft(name, "", "dynamic", raw))
    installation.catch_up()
    page = console.get("/console/attributes").text
    assert row_of(page, "plan") == "Plan & price plan Text 75 % 3 customers gold silver Two , One Edit Plan & price"
    assert row_of(page, "opted_out") == (
        "Opted out Built-in opted_out True or false 100 % 4 customers False No segment"
    )
    assert "and many more" in row_of(page, "name")


@pytest.mark.parametrize("kind", ATTRIBUTE_TYPES)
def test_an_attribute_of_each_type_can_be_declared(console: Client, account_id: UUID, kind: str) -> None:
    form = {"key": "fresh", "type": kind, "label": "Quite <new>"}
    answer = console.post("/console/attributes/new", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/attributes")
    assert row_of(console.get("/console/attributes").text, "fresh").startswith("Quite <new> fresh ")


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"key": "Not A Key", "type": "text"}, "key", "a letter first"),
        ({"key": "", "type": "text"}, "key", "a letter first"),
        ({"key": "phone", "type": "text"}, "key", "not a built-in name"),
        ({"key": "plan", "type": "text"}, "key", "already"),
        ({"key": "plan", "type": "number"}, "type", "plan is a text"),
        ({"key": "fresh", "type": "colour"}, "type", "needs one of text"),
        ({"key": "fresh"}, "type", "needs one of text"),
        ({"key": "fresh", "type": "text", "label": "x" * 500}, "label", "at most"),
        ({"key": "fresh\x00", "type": "text"}, "key", "a letter first"),
        ({"key": "fresh", "type": "text", "label": "x\x00"}, "label", "NUL"),
    ],
)
def test_an_error_is_shown_beside_its_field_and_the_input_is_kept(
    console: Client, form: dict[str, str], field: str, said: str
) -> None:
    answer = console.post("/console/attributes/new", data=form)
    assert answer.status_code == 422
    errors = errors_on(answer.text)
    assert list(errors) == [field]
    assert said in errors[field]
    assert html.escape(form.get("label", "")) in answer.text


def test_another_type_for_an_attribute_in_use_names_the_segments_that_use_it(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    installation.rollcall.segments.create(account_id, SegmentDraft("Gold customers", "", "dynamic", GOLD))
    installation.catch_up()
    answer = console.post("/console/attributes/new", data={"key": "plan", "type": "date"})
    said = "plan is a text and read by: Gold customers; use another key for another type"
    assert errors_on(answer.text) == {"type": said}


def test_a_label_can_be_changed_and_removed(installation: Installation, account_id: UUID, console: Client) -> None:
    installation.rollcall.segments.create(account_id, SegmentDraft("Gold customers", "", "dynamic", GOLD))
    installation.catch_up()
    form = console.get("/console/attributes/plan/edit").text
    assert 'value="Plan &amp; price"' in form
    assert "Gold customers" in form
    assert console.post("/console/attributes/plan/edit", data={"label": "Tariff"}).status_code == 303
    page = console.get("/console/attributes").text
    assert "Tariff was saved" in page
    assert row_of(page, "plan").startswith("Tariff plan Text")
    console.post("/console/attributes/plan/edit", data={"label": " "})
    assert row_of(console.get("/console/attributes").text, "plan").startswith("Plan plan Text")


def test_built_in_and_unknown_attributes_cannot_be_edited(console: Client) -> None:
    for key in ("phone", "nothing"):
        assert console.get(f"/console/attributes/{key}/edit").status_code == 404
        assert console.post(f"/console/attributes/{key}/edit", data={"label": "Mine"}).status_code == 404


def test_attributes_of_another_account_are_not_found(installation: Installation, console: Client) -> None:
    other = installation.account("theirs")
    installation.rollcall.attributes.declare(other, "secret_plan", "text", "Theirs")
    installation.catch_up()
    assert "secret_plan" not in console.get("/console/attributes").text
    assert console.get("/console/attributes/secret_plan/edit").status_code == 404


def test_a_long_list_continues_on_the_next_page(installation: Installation, account_id: UUID, console: Client) -> None:
    for number in range(10):
        installation.rollcall.attributes.declare(account_id, f"a{number}", "text", None)
    installation.catch_up()
    first = console.get("/console/attributes?rows=10").text
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = console.get(html.unescape(following.group(1))).text
    keys = re.findall(r'<tr id="attribute-(\w+)">', first + second)
    assert keys[:11] == [*(f"a{number}" for number in range(10)), "plan"]
    assert len(keys) == len(set(keys)) == 17
    assert console.get("/console/attributes?after=12345678901234567").status_code == 200
