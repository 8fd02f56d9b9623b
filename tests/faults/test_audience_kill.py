"""`rollcall api` and `rollcall project` killed with -9 while they freeze audiences: each is complete and exists once.

Its expected recipients come from a naive fold of the log up to its position. FULL_SIZE=1 runs the big test, whose
audiences are copied in several chunks.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from httpx import TransportError

from domain.customer import CustomerChange, CustomerData
from projections.worker.rebuild import rebuild
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.role_processes import RoleProcesses
from tests.support.running_product import eventually

CUSTOMERS, ROUNDS = (60_000, 14) if FULL_SIZE else (2_000, 1)
KINDS = [["api"], ["project"], ["api", "project"]]
PLANS = ["gold", "silver", "staff", "none"]
NDJSON = {"Accept": "application/x-ndjson"}


class Freezers:
    """Asks for audiences until it is stopped, whether or not the API responds."""

    def __init__(self, roles: RoleProcesses, campaigns: list[str]) -> None:
        self.acknowledged: dict[str, Any] = {}
        self.unanswered = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(roles, each), daemon=True) for each in campaigns]
        for each in self._threads:
            each.start()

    def _run(self, roles: RoleProcesses, campaign: str) -> None:
        while not self._stop.is_set():
            try:
                answer = roles.http.post(f"/v1/campaigns/{campaign}/audience")
            except TransportError:
                self.unanswered += 1
                self._stop.wait(0.05)
                continue
            if answer.status_code == 201:
                self.acknowledged[answer.json()["id"]] = answer.json()
            else:
                assert answer.status_code in (503, 504), answer.text
                self.unanswered += 1
            self._stop.wait(0.2)

    def stop(self) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(120)
            assert not each.is_alive()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_any_instant_every_audience_is_whole(installation: Installation, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = Random(seed)
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    key = installation.key(account)
    for start in range(0, CUSTOMERS, 2_000):
        change(installation, account, chance, range(start, start + 2_000))
    installation.project()
    roles = RoleProcesses(installation.url, tmp_path, key)
    try:
        plans = {plan: segment(roles, plan) for plan in PLANS[:3]}
        campaigns = [
            campaign(roles, [plans["gold"], plans["silver"]], [plans["staff"]]),
            campaign(roles, [plans["gold"]], []),
        ]
        freezers = Freezers(roles, campaigns)
        kills = Counter[str]()
        for killed in (each for _ in range(ROUNDS) for each in chance.sample(KINDS, len(KINDS))):
            change(installation, account, chance, [chance.randrange(CUSTOMERS) for _ in range(300)])
            time.sleep(chance.uniform(0.1, 1.2))  # the instant of the kill is what varies
            roles.kill(*killed)
            kills["+".join(killed)] += 1
            roles.wait_until_ready()
        freezers.stop()
        with installation.owner() as owner:
            eventually(lambda: owner.execute("SELECT log_head() = position FROM projection").fetchone() == (True,), 120)
            eventually(lambda: owner.execute("SELECT count(*) FROM audiences WHERE NOT counted").fetchone() == (0,), 60)
        audiences = check(installation, roles, freezers)
        before = [reading(roles, each) for each in audiences]
        change(installation, account, chance, range(0, CUSTOMERS, 7))
        for each in [*campaigns, *plans.values()]:
            kind = "campaigns" if each in campaigns else "segments"
            assert roles.http.delete(f"/v1/{kind}/{each}").status_code == 204
        roles.kill("project")
        assert [reading(roles, each) for each in audiences] == before
        rebuild(installation.url, batch_size=777, chunk_size=333)
        assert [reading(roles, each) for each in audiences] == before
        print(f"{len(audiences)} audiences, {freezers.unanswered} requests without an answer, kills: {dict(kills)}")
        assert len(freezers.acknowledged) >= 2
    finally:
        roles.close()


def change(installation: Installation, account: UUID, chance: Random, numbers: Any) -> None:
    """Customers with few phone numbers and any plan, of which some opted out and a few are erased."""
    changes = []
    for number in dict.fromkeys(numbers):
        if chance.random() < 0.005:
            changes.append(CustomerChange(f"c{number}", "deleted", installation.now()))
            continue
        data = CustomerData(
            phone=chance.choice([None, *[f"+3519{chance.randrange(CUSTOMERS):08}"] * 9]),
            name=f"Name {chance.randrange(CUSTOMERS)}", opted_out=chance.random() < 0.1,
            attributes={"plan": chance.choice(PLANS)},
        )  # fmt: skip
        changes.append(CustomerChange(f"c{number}", "changed", installation.now(), data))
    installation.rollcall.customers.change(account, changes)


def segment(roles: RoleProcesses, plan: str) -> str:
    node = [{"attribute": "plan", "operator": "equals", "value": plan}]
    answer = roles.http.post("/v1/segments", json={"name": plan, "type": "dynamic", "filter": node})
    address = answer.headers["Location"]
    eventually(lambda: roles.http.get(address).json()["members"]["state"] == "current")
    return str(answer.json()["id"])


def campaign(roles: RoleProcesses, included: list[str], excluded: list[str]) -> str:
    body = {"name": "x", "segment_ids": included, "exclude_segment_ids": excluded}
    return str(roles.http.post("/v1/campaigns", json=body).json()["id"])


def reading(roles: RoleProcesses, audience: str) -> Any:
    """An audience and its recipients, as the API shows them."""
    streamed = roles.http.get(f"/v1/audiences/{audience}/recipients", headers=NDJSON).text
    lines = [json.loads(line) for line in streamed.splitlines()]
    audience_shown = roles.http.get(f"/v1/audiences/{audience}").json()
    assert lines[-1] == {"count": audience_shown["count"] - audience_shown["erased"]} == {"count": len(lines) - 1}
    return audience_shown, [(each["external_id"], each["phone"], each["name"]) for each in lines[:-1]]


def check(installation: Installation, roles: RoleProcesses, freezers: Freezers) -> list[str]:
    """Every audience in the log exists once, is counted once, and has the recipients of its position."""
    with installation.owner() as owner:
        log = owner.execute(
            "SELECT topic, originator_id, convert_from(state, 'UTF8') FROM stored_events ORDER BY notification_id"
        ).fetchall()
    frozen = Counter(str(each) for topic, each, _ in log if topic == "rollcall.audience.frozen")
    counted = Counter(str(each) for topic, each, _ in log if topic == "rollcall.audience.counted")
    assert frozen == counted
    assert set(frozen.values()) == {1}
    assert set(freezers.acknowledged) <= set(frozen)
    lists: dict[UUID, tuple[list[str], list[str]]] = {}
    plan_of: dict[str, str] = {}
    customers: dict[UUID, dict[str, Any]] = {}
    for topic, who, text in log:
        state = json.loads(text)
        match topic:
            case "rollcall.segment.created":
                plan_of[str(who)] = state["name"]
            case "rollcall.campaign.created":
                lists[who] = state["segment_ids"], state["exclude_segment_ids"]
            case "rollcall.customer.changed":
                customers[who] = customers.get(who, {}) | state["values"]
            case "rollcall.customer.deleted":
                customers.pop(who, None)
            case "rollcall.audience.frozen":
                wanted = {plan_of[each] for each in lists[UUID(state["campaign_id"])][0]}
                audience_shown, held = reading(roles, str(who))
                hold_as_expected(held, customers, wanted, audience_shown["erased"])
                assert audience_shown == freezers.acknowledged.get(str(who), audience_shown) | {
                    "erased": audience_shown["erased"]
                }
    return list(frozen)


def hold_as_expected(
    held: list[Any], customers: dict[UUID, dict[str, Any]], plans: set[str], erased: int
) -> None:  # fmt: skip
    """Each phone number once, with its oldest customer; that of a recipient who was erased since is not held at all.

    The values of an erased customer are no longer in the log, so `customers` gives the number to the next customer.
    """
    keepers: dict[str, Any] = {}
    for values in customers.values():
        if values.get("phone") and not values.get("opted_out") and values.get("plan") in plans:
            keepers.setdefault(values["phone"], (values.get("external_id"), values["phone"], values.get("name")))
    assert set(held) <= set(keepers.values())
    assert len(held) == len(set(held)) >= len(keepers) - erased
