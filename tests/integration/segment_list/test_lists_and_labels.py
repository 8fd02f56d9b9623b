"""Lists of segments over HTTP: order and pages, labels, the archive, and what uses a segment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Client

from domain.account import account_id_of
from domain.customer import CustomerChange, CustomerData
from projections.read import segments
from projections.read.segment_list import sizes
from projections.read.segment_list.listing import SORTS
from tests.support.clock import Clock
from tests.support.installation import Installation

START = datetime(2026, 5, 20, 10, tzinfo=UTC)
pytestmark = pytest.mark.starts_at(START)
PLANS = ("gold", "silver", "bronze", "none")


@pytest.fixture
def client(installation: Installation, clock: Clock) -> Iterator[Client]:
    """Four segments by plan with three to no members, made a minute apart; their names are not in that order."""
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    owned = [plan for nth, plan in enumerate(PLANS) for _ in range(3 - nth)]
    changes = [
        CustomerChange(f"c{nth}", "changed", clock.at, CustomerData(attributes={"plan": plan}))
        for nth, plan in enumerate(owned)
    ]
    installation.rollcall.customers.change(account, changes)
    with installation.projecting(), installation.open_api(installation.key(account)) as client:
        for name, plan in zip(("Under", "apple", "Zebra", "apple"), PLANS, strict=True):
            clock.at += timedelta(minutes=1)
            create(client, name, filter=[{"attribute": "plan", "operator": "equals", "value": plan}])
        yield client


def create(client: Client, name: str, **body: Any) -> Any:
    answered = client.post("/v1/segments", json={"name": name, "type": "dynamic", **body})
    assert answered.status_code == 201, answered.text
    return answered.json()


def listed(client: Client, **asked: Any) -> list[Any]:
    answered = client.get("/v1/segments", params=asked)
    assert answered.status_code == 200, answered.text
    found: list[Any] = answered.json()["data"]
    return found


def plans(rows: list[Any]) -> list[str]:
    return [each["filter"][0]["value"] for each in rows]


def patch(client: Client, segment: Any, **body: Any) -> Any:
    answered = client.patch(f"/v1/segments/{segment['id']}", json=body)
    assert answered.status_code == 200, answered.text
    return answered.json()


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_the_same_page_by_page_and_at_once(client: Client, clock: Clock, sort: str) -> None:
    bronze = next(each for each in listed(client) if plans([each]) == ["bronze"])
    clock.at += timedelta(minutes=1)
    patch(client, bronze, description="Changed last")
    expected = {
        "created": ["gold", "silver", "bronze", "none"],
        "name": ["silver", "none", "gold", "bronze"],
        "members": ["none", "bronze", "silver", "gold"],
        "updated": ["gold", "silver", "none", "bronze"],
    }[sort.removeprefix("-")]
    expected = expected[::-1] if sort.startswith("-") else expected
    if sort == "-name":
        expected = ["bronze", "gold", "none", "silver"]
    assert plans(listed(client, sort=sort)) == expected
    paged, cursor = [], None
    while True:
        asked: dict[str, Any] = {"sort": sort, "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/segments", params=asked).json()
        paged += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert plans(paged) == expected


def test_labels_group_segments_and_go_when_they_are_deleted(client: Client) -> None:
    gold, silver = listed(client, sort="created")[:2]
    made = client.post("/v1/labels", json={"name": " Loyalty ", "colour": "teal"})
    assert made.status_code == 201
    label = made.json()
    assert (label["name"], label["colour"]) == ("Loyalty", "teal")
    assert client.post("/v1/labels", json={"name": "LOYALTY", "colour": "red"}).json()["code"] == "label_name_taken"
    assert client.post("/v1/labels", json={"name": "x", "colour": "mauve"}).status_code == 422
    labelled = patch(client, gold, label_ids=[label["id"], label["id"]])
    assert (labelled["label_ids"], labelled["version"]) == ([label["id"]], gold["version"] + 1)
    assert patch(client, gold, label_ids=[label["id"]])["version"] == labelled["version"], "nothing changed"
    unknown = client.patch(f"/v1/segments/{silver['id']}", json={"label_ids": [gold["id"]]})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/label_ids/0")
    assert plans(listed(client, label=label["id"])) == ["gold"]
    renamed = client.put(f"/v1/labels/{label['id']}", json={"name": "Loyal", "colour": "blue"})
    assert renamed.json() == {"id": label["id"], "name": "Loyal", "colour": "blue"}
    assert client.get("/v1/labels").json()["data"] == [renamed.json()]
    assert client.delete(f"/v1/labels/{label['id']}").status_code == 204
    assert client.delete(f"/v1/labels/{label['id']}").status_code == 404
    assert client.get(f"/v1/segments/{gold['id']}").json()["label_ids"] == []
    assert client.get("/v1/labels").json()["data"] == listed(client, label=label["id"]) == []


def test_an_archived_segment_is_out_of_the_list_and_keeps_itself_up_to_date(client: Client) -> None:
    gold = listed(client, sort="created")[0]
    assert not gold["archived"]
    archived = patch(client, gold, archived=True)
    assert archived["archived"]
    assert archived["members"]["count"] == 3
    assert "gold" not in plans(listed(client))
    assert plans(listed(client, archived="true")) == ["gold"]
    assert sorted(plans(listed(client, archived="any"))) == sorted(PLANS)
    client.put("/v1/customers/late", json={"attributes": {"plan": "gold"}}).raise_for_status()
    assert client.get(f"/v1/segments/{gold['id']}").json()["members"]["count"] == 4
    assert not patch(client, gold, archived=False)["archived"]
    assert "gold" in plans(listed(client))


def test_what_uses_a_segment_is_named_and_the_others_are_found(client: Client) -> None:
    gold, silver, bronze, none = listed(client, sort="created")
    nested = create(client, "Nested", filter=[{"attribute": "segment", "operator": "in", "value": [gold["id"]]}])
    campaign = client.post(
        "/v1/campaigns", json={"name": "Spring", "segment_ids": [gold["id"]], "exclude_segment_ids": [silver["id"]]}
    ).json()

    def uses(segment: Any) -> list[tuple[str, str]]:
        return [(each["kind"], each["id"]) for each in client.get(f"/v1/segments/{segment['id']}/uses").json()["data"]]

    assert uses(gold) == [("campaign", campaign["id"]), ("segment", nested["id"])]
    assert uses(silver) == [("campaign", campaign["id"])]
    assert uses(bronze) == []
    unused = {each["id"] for each in listed(client, used_in="nothing")}
    assert unused == {bronze["id"], none["id"], nested["id"]}
    patch(client, nested, filter=[])
    client.delete(f"/v1/campaigns/{campaign['id']}").raise_for_status()
    assert len(listed(client, used_in="nothing")) == 5


def test_the_movers_of_a_day_come_largest_first(client: Client, installation: Installation, clock: Clock) -> None:
    clock.at += timedelta(days=1)
    for nth, plan in enumerate(["silver", "silver", "none", "none", "none"]):
        client.put(f"/v1/customers/new{nth}", json={"attributes": {"plan": plan}}).raise_for_status()
    client.put("/v1/customers/c0", json={"attributes": {"plan": "none"}}).raise_for_status()
    account = account_id_of("default")
    with installation.database.snapshot(account) as (connection, _):
        moved = sizes.movers(connection, account, clock.at.date(), 2)
        assert [(each.joins, each.leaves, each.members) for each in moved] == [(4, 0, 4), (2, 0, 4)]
        assert sizes.movers(connection, account, START.date(), 10)[0].joins == 3
        row = segments.by_id(connection, account, moved[0].segment_id)
        assert row is not None
        assert row.members == 4
