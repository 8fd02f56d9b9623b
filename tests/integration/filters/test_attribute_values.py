"""What is known of attributes: who has a value, which values, how many of each, as customers come, change and go."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from httpx import Client

from projections.model.attributes import counts
from tests.support.installation import Installation

PLANS = ("gold", "Gold", "silver", None)
TOWNS: tuple[list[str], ...] = ([], ["Braga"], ["Braga", "Porto"], ["Faro"])


def values(client: Client, key: str, **query: Any) -> list[tuple[Any, int]]:
    answered = client.get(f"/v1/attributes/{key}/values", params=query)
    assert answered.status_code == 200, answered.text
    return [(each["value"], each["customers"]) for each in answered.json()["data"]]


def put(client: Client, number: int, **attributes: Any) -> None:
    client.put(f"/v1/customers/c{number}", json={"attributes": attributes}).raise_for_status()


def listed(client: Client) -> dict[str, Any]:
    return {each["key"]: each for each in client.get("/v1/attributes").json()["data"]}


def test_counts_follow_customers_who_come_change_and_go_as_a_count_of_all_would_say(client: Client) -> None:
    chance, kept = random.Random(18), dict[int, dict[str, Any]]()
    for _ in range(60):
        number = chance.randrange(15)
        if chance.random() < 0.2:
            client.delete(f"/v1/customers/c{number}")
            kept.pop(number, None)
            continue
        changed = {
            "plan": chance.choice(PLANS), "towns": chance.choice(TOWNS), "vip": chance.random() < 0.5,
            "score": chance.choice([1, 2.5, 10]),
        }  # fmt: skip
        put(client, number, **changed)
        kept[number] = changed
    for key in ("plan", "vip", "score"):
        expected = Counter(each[key] for each in kept.values() if each[key] is not None)
        assert dict(values(client, key)) == expected
    assert dict(values(client, "towns")) == Counter(town for each in kept.values() for town in each["towns"])
    attributes = listed(client)
    assert attributes["opted_out"]["customers"] == len(kept)
    for key in ("plan", "towns"):
        having = sum(bool(each[key]) for each in kept.values())
        assert attributes[key]["customers"] == having
        assert attributes[key]["fill_rate"] == round(having / len(kept), 4)


def test_the_most_frequent_value_is_first_and_a_search_finds_those_that_hold_it_in_any_case(client: Client) -> None:
    for number, country in enumerate(["ES", "PT", "PT", "Portugal"]):
        put(client, number, country=country)
    assert values(client, "country") == [("PT", 2), ("ES", 1), ("Portugal", 1)]
    assert values(client, "country", search="pOrT") == [("Portugal", 1)]
    assert values(client, "country", search="nowhere") == []
    first = client.get("/v1/attributes/country/values", params={"limit": 2, "include": "total"}).json()
    assert (first["total"], first["among"]) == (3, None)
    assert values(client, "country", limit=2, cursor=first["next_cursor"]) == [("Portugal", 1)]


def test_of_an_attribute_with_many_values_those_of_the_newest_customers_are_listed_and_it_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "MOST_VALUES", 2)
    for number in range(4):
        put(client, number, city=f"City {number}")
    assert listed(client)["city"]["many_values"]
    assert listed(client)["city"]["customers"] == 4
    answered = client.get("/v1/attributes/city/values").json()
    assert (len(answered["data"]), answered["among"]) == (4, 4)
    assert values(client, "city", search="3") == [("City 3", 1)]
    assert values(client, "name") == []
    # Once no customer has a value, it is as if the attribute never had one, as a replay finds it.
    for number in range(4):
        client.delete(f"/v1/customers/c{number}").raise_for_status()
    assert not listed(client)["city"]["many_values"]
    put(client, 5, city="Faro")
    assert values(client, "city") == [("Faro", 1)]


def test_an_attribute_that_is_not_there_has_no_values(client: Client) -> None:
    assert client.get("/v1/attributes/unheard_of/values").status_code == 404
    client.put("/v1/attributes/declared", json={"type": "text"}).raise_for_status()
    assert values(client, "declared") == []


def test_a_worker_that_starts_again_goes_on_counting(installation: Installation) -> None:
    with installation.open_api(installation.key(installation.account())) as client:
        for _ in range(2):
            with installation.projecting():
                for number, plan in enumerate(["gold", "silver", "gold", None]):
                    put(client, number % 3, plan=plan)
                assert values(client, "plan") == [("gold", 1), ("silver", 1)]
