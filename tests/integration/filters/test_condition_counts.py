"""Preview with the count of each condition and group: against an independent count, and about, from a sample."""

from __future__ import annotations

import random
from threading import Thread
from typing import Any

import pytest
from httpx import Client
from psycopg.errors import QueryCanceled

from api.http.shares.scans import Scan
from domain.errors import Unavailable
from tests.support.installation import Installation
from tests.support.running_product import eventually

PLANS, COUNTRIES = ("gold", "silver", None), ("PT", "ES", None)
GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
ABROAD = {"attribute": "country", "operator": "not_equals", "value": "PT"}
HIGH = {"attribute": "score", "operator": "at_least", "value": 5}
FILTER = [GOLD, {"any": [ABROAD, {"not": {"all": [HIGH, GOLD]}}]}, {"attribute": "tags", "operator": "is_not_set"}]


def holds(node: Any, customer: dict[str, Any]) -> bool:
    """A naive reading of the few operators above."""
    if isinstance(node, list):
        return all(holds(each, customer) for each in node)
    if "any" in node:
        return any(holds(each, customer) for each in node["any"])
    if "all" in node:
        return holds(node["all"], customer)
    if "not" in node:
        return not holds(node["not"], customer)
    value = customer.get(node["attribute"])
    match node["operator"]:
        case "equals":
            return bool(value == node["value"])
        case "not_equals":
            return bool(value != node["value"])
        case "is_not_set":
            return value is None
    return value is not None and value >= node["value"]


def at(pointer: str) -> Any:
    """What a pointer of the answer points at."""
    node: Any = FILTER
    for step in pointer.split("/")[2:]:
        node = node[int(step) if step.isdigit() else step]
    return node


def fill(client: Client) -> list[dict[str, Any]]:
    chance = random.Random(5)
    people = [
        {"plan": chance.choice(PLANS), "country": chance.choice(COUNTRIES), "score": chance.choice([1, 5, 9, None])}
        for _ in range(40)
    ]
    for number, person in enumerate(people):
        client.put(f"/v1/customers/c{number}", json={"attributes": person}).raise_for_status()
    return people


def test_each_condition_and_group_is_counted_by_itself_as_a_naive_count_would(client: Client) -> None:
    people = fill(client)
    answered = client.post("/v1/segments/preview", json={"filter": FILTER, "conditions": True}).json()
    counted = {each["pointer"]: each["count"] for each in answered["conditions"]}
    assert answered["count"] == counted["/filter"] == sum(holds(FILTER, each) for each in people)
    assert counted == {pointer: sum(holds(at(pointer), each) for each in people) for pointer in counted}
    assert {"/filter/0", "/filter/1", "/filter/1/any/1", "/filter/1/any/1/not/all/0", "/filter/2"} <= counted.keys()
    plain = client.post("/v1/segments/preview", json={"filter": FILTER}).json()
    assert plain["count"] == answered["count"]
    assert "conditions" not in plain


def test_a_filter_of_more_conditions_than_a_row_has_columns_is_counted(client: Client) -> None:
    """By the segments that it names, which are written out."""
    people = fill(client)
    named: list[str] = []
    for part in range(20):
        others = [{"attribute": "name", "operator": "not_equals", "value": f"{part} {nth}"} for nth in range(99)]
        made = client.post("/v1/segments", json={"name": f"Part {part}", "type": "dynamic", "filter": [*others, GOLD]})
        named.append(made.raise_for_status().json()["id"])
    asked = [{"attribute": "segment", "operator": "in", "value": named}]
    answered = client.post("/v1/segments/preview", json={"filter": asked, "conditions": True})
    assert answered.raise_for_status().json()["count"] == sum(holds([GOLD], each) for each in people)


def test_an_estimate_of_few_customers_is_exact_and_says_of_how_many_it_is(client: Client) -> None:
    people = fill(client)
    asked = {"filter": [GOLD], "estimate": True, "conditions": True}
    answered = client.post("/v1/segments/preview", json=asked).json()
    gold = sum(each["plan"] == "gold" for each in people)
    assert (answered["count"], answered["sampled"], answered["sample"]) == (gold, len(people), [])
    assert answered["conditions"][0] == {"pointer": "/filter/0", "count": gold}


def test_templates_name_only_attributes_that_the_account_has(client: Client) -> None:
    assert [each["id"] for each in client.get("/v1/segments/templates").json()["data"]] == ["new"]
    client.put("/v1/attributes/birthdate", json={"type": "date"}).raise_for_status()
    offered = client.get("/v1/segments/templates").json()["data"]
    assert [each["id"] for each in offered] == ["birthday", "new"]
    assert client.post("/v1/segments/preview", json={"filter": offered[0]["filter"]}).json()["count"] == 0


def test_a_scan_that_is_given_up_is_cancelled_and_one_that_did_not_begin_never_does(installation: Installation) -> None:
    account = installation.account()
    installation.project()
    with installation.database.transaction(account) as connection:
        given_up = Scan()

        def give_up() -> None:
            with installation.owner() as owner:  # a session that is cancelled before it works goes on
                sleeping = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
                eventually(lambda: owner.execute(sleeping).fetchone() is not None)
            given_up.give_up()

        beside = Thread(target=give_up)
        beside.start()
        with pytest.raises(QueryCanceled), given_up.on(connection):
            connection.execute("SELECT pg_sleep(30)")
        beside.join()
        with pytest.raises(Unavailable), given_up.on(connection):
            pass
