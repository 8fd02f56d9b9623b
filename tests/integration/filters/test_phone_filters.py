"""A phone number in a filter is read as a customer's is, with the account's country: in SQL and in the worker."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from tests.support.console.forms import said
from tests.support.installation import Installation

SPELLINGS = ("912 345 678", "+351 912 345 678", "351912345678", "00351 912-345-678")


def of_phone(operator: str, value: Any) -> list[Any]:
    return [{"attribute": "phone", "operator": operator, "value": value}]


@pytest.fixture
def people(client: Client) -> Client:
    """Ana has the number, Rui another, Eva none."""
    for external_id, phone in (("ana", "912345678"), ("rui", "912345679"), ("eva", None)):
        client.put(f"/v1/customers/{external_id}", json={"phone": phone}).raise_for_status()
    return client


def members(client: Client, segment: str) -> set[str]:
    page = client.get(f"/v1/segments/{segment}/members").json()
    return {each["external_id"] for each in page["data"]}


@pytest.mark.parametrize("typed", SPELLINGS)
def test_each_spelling_finds_the_customer_before_and_after_a_change(people: Client, typed: str) -> None:
    """Members of a new segment come from SQL, those of a change from the worker's index."""
    cases = (
        ("equals", typed, {"ana"}), ("in", [typed, "939 999 999"], {"ana"}),
        ("not_equals", typed, {"rui", "eva"}), ("not_in", [typed], {"rui", "eva"}),
        ("starts_with", "+351 912-345", {"ana", "rui"}), ("contains", "345 678", {"ana"}),
    )  # fmt: skip
    made = {}
    for operator, value, expected in cases:
        asked = {"name": operator, "type": "dynamic", "filter": of_phone(operator, value)}
        made[operator] = people.post("/v1/segments", json=asked).json()["id"]
        assert members(people, made[operator]) == expected
        preview = people.post("/v1/segments/preview", json={"filter": of_phone(operator, value)}).json()
        assert {each["external_id"] for each in preview["sample"]} == expected
    people.put("/v1/customers/rui", json={"phone": "+351912345678"}).raise_for_status()
    people.put("/v1/customers/ana", json={"phone": "939 999 999"}).raise_for_status()
    assert members(people, made["equals"]) == {"rui"}
    assert members(people, made["in"]) == {"ana", "rui"}
    assert members(people, made["not_in"]) == {"ana", "eva"}


def test_what_is_no_phone_number_is_refused_with_its_place(client: Client) -> None:
    answered = client.post("/v1/segments/preview", json={"filter": of_phone("in", ["912 345 678", "12"])})
    assert answered.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answered.json()["errors"]] == [
        ("/filter/0/value", "invalid_value")
    ]


def test_the_console_reads_it_alike_and_shows_it_as_it_was_typed(
    installation: Installation, account_id: UUID, people: Client
) -> None:
    fields = {
        "name": "Ana",
        "dynamic": "on",
        "filter-match": "all",
        "filter-0-attribute": "phone",
        "filter-0-operator": "equals",
        "filter-0-value": SPELLINGS[0],
    }
    with installation.open_console(account_id) as console:
        assert console.post("/console/segments/new", data=fields).status_code == 303
        installation.catch_up()
        (segment,) = people.get("/v1/segments").json()["data"]
        assert segment["filter_summary"] == f"Phone equals {SPELLINGS[0]}"
        assert members(people, segment["id"]) == {"ana"}
        assert f'value="{SPELLINGS[0]}"' in console.get(f"/console/segments/{segment['id']}/edit").text
        ana = people.get("/v1/customers/ana").json()["id"]
        assert "Phone equals" in said(console.get(f"/console/segments/{segment['id']}/customers/{ana}/why").text)
    explained = people.get(f"/v1/segments/{segment['id']}/customers/{ana}/explanation").json()
    assert explained["member"] is True
