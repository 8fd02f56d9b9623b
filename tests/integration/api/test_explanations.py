"""Explanation and preview over HTTP: they agree with the members, for random filters too."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from domain.filters.parsing import empty_groups
from tests.support.clock import Clock
from tests.support.full_size import seeds
from tests.support.installation import Installation

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
ADULT = {"attribute": "age", "operator": "at_least", "value": 18}
RECENT = {"attribute": "seen", "operator": "in_last_hours", "value": 2}
BORN_TODAY = {"attribute": "born", "operator": "anniversary_in_period", "value": "today"}
TYPES = {"plan": "text", "age": "number", "seen": "datetime", "born": "date", "notes": "list"}
pytestmark = [pytest.mark.starts_at(datetime(2027, 2, 27, 20, tzinfo=UTC)), pytest.mark.attributes(**TYPES)]


def put(client: Client, external_id: str, **attributes: Any) -> str:
    answered = client.put(f"/v1/customers/{external_id}", json={"attributes": attributes})
    assert answered.is_success, answered.text
    return str(answered.json()["id"])


def create(client: Client, raw: Any) -> str:
    answered = client.post("/v1/segments", json={"name": "S", "type": "dynamic", "filter": raw})
    assert answered.status_code == 201, answered.text
    assert answered.json()["members"]["state"] == "current"
    return str(answered.json()["id"])


def explain(client: Client, segment: str, customer: str) -> Any:
    answered = client.get(f"/v1/segments/{segment}/customers/{customer}/explanation")
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_a_member_is_explained_by_the_change_that_made_them_join(client: Client, clock: Clock) -> None:
    ana = put(client, "a", plan="silver", age=20)
    segment = create(client, {"all": [GOLD, {"not": {"attribute": "age", "operator": "less_than", "value": 18}}]})
    clock.at += timedelta(minutes=1)
    position = int(client.put("/v1/customers/a", json={"attributes": {"plan": "GOLD"}}).headers["Rollcall-Position"])
    shown = explain(client, segment, ana)
    assert (shown["member"], shown["missing"], shown["state"]) == (True, [], "current")
    assert shown["since"] == shown["cause"]["at"] == "2027-02-27T20:01:00Z"
    assert shown["cause"]["event"] == position
    assert (shown["cause"]["type"], shown["cause"]["event_type"]) == ("change", "rollcall.customer.changed")
    tree = shown["filter"]
    assert (tree["group"], tree["pointer"], tree["result"]) == ("all", "/filter", True)
    gold, negation = tree["nodes"]
    assert gold == GOLD | {"pointer": "/filter/all/0", "actual": "GOLD", "result": True}
    assert (negation["group"], negation["result"], negation["nodes"][0]["result"]) == ("not", True, False)
    assert negation["nodes"][0]["actual"] == 20


def test_a_non_member_is_explained_by_the_unmet_conditions_and_the_cause_of_leaving(
    client: Client, clock: Clock
) -> None:
    segment = create(client, [{"any": [GOLD, RECENT]}, ADULT, {"not": {"attribute": "notes", "operator": "is_set"}}])
    ana = put(client, "a", notes=["x"])
    shown = explain(client, segment, ana)
    assert (shown["member"], shown["since"], shown["cause"]) == (False, None, None)
    assert shown["missing"] == ["/filter/0/any/0", "/filter/0/any/1", "/filter/1", "/filter/2/not"]
    clock.at += timedelta(seconds=1)
    put(client, "a", notes=None, age=30, plan="gold")
    assert explain(client, segment, ana)["member"]
    clock.at += timedelta(seconds=1)
    put(client, "a", plan="silver")
    shown = explain(client, segment, ana)
    assert (shown["member"], shown["missing"]) == (False, ["/filter/0/any/0", "/filter/0/any/1"])
    assert (shown["cause"]["type"], shown["cause"]["at"]) == ("change", "2027-02-27T20:00:02Z")


def test_an_empty_filter_is_itself_a_missing_condition(client: Client) -> None:
    ana = put(client, "a", plan="gold")
    assert explain(client, create(client, []), ana)["missing"] == ["/filter"]


def test_time_and_edits_are_causes_and_members_who_stay_keep_their_cause(client: Client, clock: Clock) -> None:
    ana = put(client, "a", born="1990-02-28", plan="gold")
    segment = create(client, [BORN_TODAY])
    assert explain(client, segment, ana)["missing"] == ["/filter/0"]
    clock.at = datetime(2027, 2, 28, 0, 0, 5, tzinfo=UTC)
    put(client, "b", born="1990-01-01")
    deadline = 200
    while not (shown := explain(client, segment, ana))["member"]:
        deadline -= 1
        assert deadline, shown
    assert shown["since"] == shown["cause"]["at"] == "2027-02-28T00:00:00Z"
    assert (shown["cause"]["type"], shown["cause"]["source"]) == ("time", None)
    assert shown["evaluated_at"] >= "2027-02-28T00:00:00Z"
    edited = client.patch(f"/v1/segments/{segment}", json={"filter": {"any": [BORN_TODAY, GOLD]}})
    assert edited.json()["members"]["state"] == "current"
    kept = explain(client, segment, ana)
    assert (kept["since"], kept["cause"]) == (shown["since"], shown["cause"])
    assert kept["filter"]["group"] == "any"
    clock.at += timedelta(seconds=1)
    carla = put(client, "c", born="1990-02-28")
    clock.at += timedelta(seconds=1)
    edited = client.patch(f"/v1/segments/{segment}", json={"filter": [GOLD]})
    left = explain(client, segment, carla)
    assert (left["member"], left["cause"]["type"], left["missing"]) == (False, "edit", ["/filter/0"])
    assert left["cause"]["event_type"] == "rollcall.segment.filter_changed"
    assert left["cause"]["event"] == int(edited.headers["Rollcall-Position"])


def test_an_explanation_names_the_source_of_the_change(installation: Installation, clock: Clock) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        client.put("/v1/attributes/plan", json={"type": "text"})
        segment = create(client, [GOLD])
        change = CustomerChange("a", "changed", clock.at, CustomerData(attributes={"plan": "gold"}), "/crm", "e-1")
        changed = installation.rollcall.customers.change(account, [change])
        address = f"/v1/segments/{segment}/customers/{changed.outcomes[0].customer_id}/explanation"
        shown = client.get(address, params={"min_position": changed.position}).json()
        assert (shown["cause"]["source"], shown["cause"]["change_id"]) == ("/crm", "e-1")


def test_unknown_ids_are_not_found(client: Client) -> None:
    ana, segment = put(client, "a"), create(client, [GOLD])
    for segment_id, customer_id in ((uuid4(), ana), (segment, uuid4()), (segment, "a"), ("x", ana)):
        answered = client.get(f"/v1/segments/{segment_id}/customers/{customer_id}/explanation")
        assert answered.status_code == 404, answered.text


def test_a_static_segment_has_no_filter_to_explain(client: Client) -> None:
    ana = put(client, "a")
    static = client.post("/v1/segments", json={"name": "List", "type": "static"}).json()["id"]
    shown = explain(client, static, ana)
    assert (shown["member"], shown["filter"], shown["missing"], shown["cause"]) == (False, None, [], None)


def a_leaf(chance: random.Random) -> dict[str, Any]:
    return chance.choice([
        {"attribute": "plan", "operator": chance.choice(["equals", "not_equals", "contains"]), "value": "gold"},
        {"attribute": "age", "operator": chance.choice(["less_than", "at_least"]), "value": chance.randrange(3)},
        {"attribute": "seen", "operator": "in_last_hours", "value": chance.randrange(1, 4)},
        {"attribute": "seen", "operator": "in_period", "value": chance.choice(["today", "this_month", "tomorrow"])},
        {"attribute": "born", "operator": "in_last_days", "value": chance.randrange(3)},
        {"attribute": "notes", "operator": chance.choice(["includes_any", "includes_none"]), "value": ["x", "Y"]},
        {"attribute": "opted_out", "operator": "equals", "value": False},
    ])  # fmt: skip


def a_node(chance: random.Random, depth: int = 0) -> Any:
    if depth == 3 or chance.random() < 0.4:
        return a_leaf(chance)
    word = chance.choice(["all", "any", "not", "list"])
    if word == "not":
        return {"not": a_node(chance, depth + 1)}
    nodes = [a_node(chance, depth + 1) for _ in range(chance.randrange(4))]
    return nodes if word == "list" else {word: nodes}


def some_attributes(chance: random.Random, now: datetime) -> dict[str, Any]:
    attributes = {
        "plan": chance.choice(["gold", "GOLD fish", "free"]),
        "age": chance.randrange(3),
        "seen": (now - timedelta(hours=chance.uniform(-3, 5))).isoformat(),
        "born": (now - timedelta(days=chance.randrange(-2, 4))).date().isoformat(),
        "notes": chance.choice([["X"], ["y", "z"], ["z"]]),
    }
    return {key: chance.choice([value, value, None]) for key, value in attributes.items()}


@pytest.mark.parametrize("seed", seeds(1, 3))
def test_explanation_members_and_preview_agree_as_time_passes(
    installation: Installation, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    key = installation.key(installation.account())
    installation.project()
    with installation.open_api(key, own_write_wait=0) as client, installation.worker() as worker:

        def run_until_idle() -> None:
            while worker.step():
                pass

        for name, kind in TYPES.items():
            client.put(f"/v1/attributes/{name}", json={"type": kind}).raise_for_status()
        nodes = [node if isinstance(node, list) else [node] for node in (a_node(chance) for _ in range(24))]
        filters = [each for each in nodes if not list(empty_groups(each))][:12]
        people = [put(client, f"p{n}", **some_attributes(chance, clock.at)) for n in range(10)]
        segments = []
        for raw in filters:
            made = client.post("/v1/segments", json={"name": "S", "type": "dynamic", "filter": raw})
            segments.append(made.json()["id"])
        seen = set()
        for _ in range(4):
            clock.at += timedelta(minutes=chance.randrange(1, 200), seconds=1)
            run_until_idle()
            for segment, raw in zip(segments, filters, strict=True):
                listed = client.get(f"/v1/segments/{segment}/members").json()["data"]
                then = client.get(f"/v1/segments/{segment}/members", params={"at": clock.at.isoformat()}).json()["data"]
                assert then == listed
                members = {each["id"]: each["joined_at"] for each in listed}
                for person in people:
                    shown = explain(client, segment, person)
                    seen.add(shown["member"])
                    assert shown["member"] == (person in members) == shown["filter"]["result"], (raw, shown)
                    assert shown["since"] == members.get(person)
                    assert bool(shown["missing"]) != shown["member"]
                    if shown["member"]:
                        assert shown["cause"]["at"] == shown["since"]
                preview = client.post("/v1/segments/preview", json={"filter": raw}).json()
                assert preview["count"] == len(members)
                newest = [each for each in reversed(people) if each in members]
                assert [each["id"] for each in preview["sample"]] == newest
            clock.at += timedelta(seconds=1)
            for n in chance.sample(range(10), 3):
                put(client, f"p{n}", **some_attributes(chance, clock.at))
        assert seen == {True, False}


def test_a_preview_counts_all_shows_ten_and_stores_nothing(client: Client) -> None:
    for n in range(23):
        put(client, f"c{n}", plan="gold" if n % 2 == 0 else "free")
    shown = client.post("/v1/segments/preview", json={"filter": [GOLD]}).json()
    assert shown["count"] == 12
    assert [each["external_id"] for each in shown["sample"]] == [f"c{n}" for n in range(22, 3, -2)]
    assert shown["sample"][0] == client.get("/v1/customers/c22").json()
    assert client.get("/v1/segments").json()["data"] == []
    assert client.post("/v1/segments/preview", json={"filter": []}).json() == {"count": 0, "sample": []}


def test_a_preview_refuses_what_saving_refuses(client: Client) -> None:
    bad = {"all": [GOLD, {"attribute": "plam", "operator": "equals", "value": "x"}]}
    refused = client.post("/v1/segments/preview", json={"filter": bad})
    saved = client.post("/v1/segments", json={"name": "S", "type": "dynamic", "filter": bad})
    assert (refused.status_code, refused.json()["errors"]) == (422, saved.json()["errors"])
    assert refused.json()["errors"][0]["pointer"] == "/filter/all/1/attribute"
    assert client.post("/v1/segments/preview", json={}).status_code == 422


def test_a_read_key_may_preview(installation: Installation) -> None:
    account = installation.account()
    read, write = installation.key(account, "read"), installation.key(account, "write")
    with installation.projecting(), installation.open_api() as client:
        for key, status in ((read, 200), (write, 403)):
            headers = {"Authorization": f"Bearer {key}"}
            assert client.post("/v1/segments/preview", json={"filter": []}, headers=headers).status_code == status


def test_a_segment_that_a_filter_names_is_explained_as_it_was_served(client: Client, clock: Clock) -> None:
    ana = put(client, "a", plan="gold", age=20)
    gold, adult = create(client, [GOLD]), create(client, [ADULT])
    outer = create(client, [{"attribute": "segment", "operator": "in", "value": [adult, gold]}])
    neither = create(client, [{"attribute": "segment", "operator": "not_in", "value": [adult, gold]}])
    shown = explain(client, outer, ana)
    assert (shown["member"], shown["filter"]["nodes"][0]["actual"]) == (True, [adult, gold])
    clock.at += timedelta(seconds=1)
    put(client, "a", age=3)
    shown = explain(client, neither, ana)
    assert (shown["member"], shown["missing"]) == (False, ["/filter/0"])
    assert shown["filter"]["nodes"][0]["actual"] == [gold]
    named = [{"attribute": "segment", "operator": "in", "value": [outer]}]
    assert client.post("/v1/segments/preview", json={"filter": named}).json()["count"] == 1
