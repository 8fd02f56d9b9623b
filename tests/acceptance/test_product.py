"""The product page's promise, from outside: publish a change, and the right people are on the members page."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.oracles import oracle
from tests.support.oracles.event_log import START
from tests.support.oracles.random_plans import a_change, a_filter
from tests.support.running_product import KEY, TYPES, RunningProduct, eventually

LISBON = ZoneInfo("Europe/Lisbon")
CUSTOMERS = [f"crm-{number}" for number in range(300)]


@pytest.fixture(scope="module")
def rollcall(product: RunningProduct) -> RunningProduct:
    product.declare()
    return product


def change(key: str, second: int, change_id: str, *, deletes: bool = False, **data: Any) -> oracle.Change:
    return oracle.Change(key, START + timedelta(seconds=second), data, deletes, ("crm", change_id))


@pytest.mark.parametrize("structured", [True, False], ids=["structured", "binary"])
def test_a_published_change_shows_on_the_members_page(rollcall: RunningProduct, structured: bool) -> None:
    """A customer joins, leaves, rejoins and is deleted, each seen from outside; prints how long each took."""
    mode = "structured" if structured else "binary"
    ana = f"ana-{mode}"
    gold = rollcall.create(
        [
            {"attribute": "plan", "operator": "equals", "value": "gold"},
            {"attribute": "name", "operator": "contains", "value": mode},
        ]
    )
    journey = [
        (change(ana, 1, f"1 {mode}", name=f"Ana {mode}", attributes={"plan": "GOLD "}), [ana]),
        (change(ana, 2, f"2 {mode}", attributes={"plan": "free"}), []),
        (change(ana, 3, f"3 {mode}", attributes={"plan": "gold"}), [ana]),
        (change(ana, 4, f"4 {mode}", deletes=True), []),
    ]
    took = []
    for step, expected in journey:
        rollcall.send(step, structured=structured)
        rollcall.flush()
        published = time.monotonic()
        eventually(partial(shows, rollcall, gold, expected), 10)
        took.append(round((time.monotonic() - published) * 1000))
    print(f"{mode}: milliseconds from the broker's acknowledgement to the members page: {took}")


def shows(rollcall: RunningProduct, segment: str, expected: list[str]) -> bool:
    return rollcall.members(segment) == expected


def test_every_membership_equals_that_of_the_oracle(rollcall: RunningProduct) -> None:
    """Random customers, nested filters, changes over HTTP and Kafka, and edits in between."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = Random(seed)
    naive = oracle.Account()
    naive.types |= TYPES
    for row in list(rollcall.pages("/v1/customers")):
        rollcall.ok("DELETE", f"/v1/customers/{row['id']}")
    filters = {rollcall.create(node): node for node in (a_filter(chance, still=True) for _ in range(20))}
    for turn in range(4):
        for number in range(400):
            sent = a_change(chance, CUSTOMERS, seconds=100_000)
            sent.identity = ("crm", f"{turn} {number}")
            naive.take(sent, datetime.now(UTC))
            rollcall.send(sent, structured=chance.random() < 0.5)
        rollcall.flush()
        for segment in chance.sample(sorted(filters), 5):
            filters[segment] = a_filter(chance, still=True)
            rollcall.edit(segment, filters[segment])
        eventually(rollcall.is_all_ingested, 30)
        eventually(rollcall.is_up_to_date, 30)
        for segment, node in filters.items():
            expected = sorted(oracle.matching(node, naive, LISBON))
            assert sorted(rollcall.members(segment)) == expected, node
            shown = rollcall.ok("GET", f"/v1/segments/{segment}")["members"]
            assert (shown["count"], shown["state"]) == (len(expected), "current")


def test_a_change_over_http_is_read_back_by_its_position(rollcall: RunningProduct) -> None:
    segment = rollcall.create([{"attribute": "tags", "operator": "includes_all", "value": ["patron", "new"]}])
    for tags, expected in ((["PATRON"], []), (["patron", "NEW"], ["rui"]), (None, [])):
        answer = rollcall.http.put("/v1/customers/rui", json={"tags": tags})
        position = answer.headers["Rollcall-Position"]
        found = rollcall.ok("GET", f"/v1/segments/{segment}/members", params={"min_position": position})
        assert [row["external_id"] for row in found["data"]] == expected


def test_the_tour_of_the_readme_can_be_pasted(rollcall: RunningProduct) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    address, tour = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    assert address == "export KEY=paste-the-api-key-here\n"
    url = str(rollcall.http.base_url).rstrip("/")
    pasted = tour.replace("http://127.0.0.1:8000", url)
    assert pasted != tour
    ran = subprocess.run(
        ["bash", "-e"],
        input=pasted,
        env={"PATH": "/usr/bin:/bin", "KEY": KEY},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    plan, joined, edited, left, explanation, ordered, buyers = answers
    assert (plan["key"], edited["name"]) == ("plan", "Gold customers")
    # Members are listed newest first; other tests' customers are gold, too.
    assert joined["data"][0]["external_id"] == "ana"
    assert "ana" not in [row["external_id"] for row in left["data"]]
    assert (explanation["member"], explanation["missing"]) == (False, ["/filter/1"])
    assert ordered == {"accepted": 1, "rejected": []}
    assert [row["external_id"] for row in buyers["data"]] == ["ana"]
