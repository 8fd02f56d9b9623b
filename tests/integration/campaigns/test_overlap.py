"""How segments overlap, against counting again without each of them, and against sets in Python."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from domain.segment import SegmentDraft
from tests.support.campaigns import phone
from tests.support.installation import Installation


class Shop:
    """Static segments of customers, and which customers are in them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ids: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}

    def put(self, external_id: str, **body: Any) -> None:
        self.ok("PUT", f"/v1/customers/{external_id}", body)
        self.ids[external_id] = self.ok("GET", f"/v1/customers/{external_id}")["id"]

    def segment(self, *external_ids: str) -> str:
        made = str(self.ok("POST", "/v1/segments", {"name": "List", "type": "static"})["id"])
        if external_ids:
            chosen = [self.ids[each] for each in external_ids]
            self.ok("POST", f"/v1/segments/{made}/members", {"customer_ids": chosen})
        self.members[made] = set(external_ids)
        return made

    def overlap(self, included: list[str], left_out: list[str]) -> Any:
        asked = {"segment_ids": included, "exclude_segment_ids": left_out}
        return self.ok("POST", "/v1/campaigns/overlap", asked)

    def reached(self, included: list[str], left_out: list[str]) -> set[str]:
        """The numbers that a campaign on these segments reaches."""
        asked = {"name": "Sale", "segment_ids": included, "exclude_segment_ids": left_out}
        campaign = self.ok("POST", "/v1/campaigns", asked)["id"]
        rows = self.ok("GET", f"/v1/campaigns/{campaign}/recipients?limit=200")["data"]
        return {row["phone"] for row in rows}

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answered = self.client.request(method, path, json=body)
        assert answered.is_success, answered.text
        return answered.json() if answered.content else None


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


def without(ids: list[str], place: int) -> list[str]:
    return ids[:place] + ids[place + 1 :]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_each_segment_adds_or_takes_away_is_what_the_count_changes_by_without_it(shop: Shop, seed: int) -> None:
    """Shared numbers, opt-outs, customers without a number, an erased opt-out, and a segment in both lists."""
    chance = random.Random(seed)
    for number in range(40):
        shared = phone(chance.randrange(12))
        numbered = {} if number % 11 == 0 else {"phone": shared if number % 2 else phone(20 + number)}
        shop.put(f"c{number}", **numbered, opted_out=chance.random() < 0.1)
    shop.put("erased", phone=phone(25), opted_out=True)
    shop.ok("DELETE", "/v1/customers/erased")
    people = [f"c{number}" for number in range(40)]
    made = [shop.segment(*chance.sample(people, chance.choice([1, 6, 14, 20]))) for _ in range(6)]
    included, left_out = made[:4], [*made[4:], made[0]]
    found = shop.overlap(included, left_out)
    reached = shop.reached(included, left_out)
    for place, each in enumerate(found["included"]):
        assert each["segment_id"] == included[place]
        assert each["members"] == len(shop.members[included[place]])
        fewer = shop.reached(without(included, place), left_out) if len(included) > 1 else set()
        assert each["alone"] == len(reached - fewer)
        assert each["recipients"] == len(shop.reached([included[place]], left_out))
    for place, each in enumerate(found["excluded"]):
        assert each["segment_id"] == left_out[place]
        assert each["alone"] == len(shop.reached(included, without(left_out, place)) - reached)
        assert each["taken_away"] == len(shop.reached(included, []) - shop.reached(included, [left_out[place]]))
    common = {frozenset(each["segment_ids"]): each["members"] for each in found["common"]}
    assert common == {
        frozenset(pair): both
        for pair in combinations(made, 2)
        if (both := len(shop.members[pair[0]] & shop.members[pair[1]]))
    }


def test_a_segment_in_both_lists_cancels_itself(shop: Shop) -> None:
    shop.put("a", phone=phone(1))
    made = shop.segment("a")
    assert shop.overlap([made], [made]) == {
        "included": [{"segment_id": made, "members": 1, "recipients": 0, "alone": 0}],
        "excluded": [{"segment_id": made, "members": 1, "taken_away": 1, "alone": 1}],
        "common": [],
    }


def test_what_cannot_be_compared_is_refused_with_the_reason(
    shop: Shop, installation: Installation, account_id: UUID
) -> None:
    post = shop.client.post
    empty = shop.segment()
    unknown = post("/v1/campaigns/overlap", json={"segment_ids": [empty, str(uuid4())]})
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["pointer"] == "/segment_ids/1"
    create = installation.rollcall.segments.create
    many = [str(create(account_id, SegmentDraft(f"List {number}")).id) for number in range(61)]
    installation.catch_up()
    assert shop.overlap(many[:60], [])["common"] == []
    refused = post("/v1/campaigns/overlap", json={"segment_ids": many})
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_segments")
    assert shop.overlap([], []) == {"included": [], "excluded": [], "common": []}
