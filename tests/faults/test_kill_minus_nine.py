"""kill -9 at any instant, of single roles and of the whole tree: nothing is lost, nothing takes effect twice.

FULL_SIZE=1 in the environment runs the big one (50,000 changes, as many facts, and kills all the while).
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from domain.customer import customer_id_of
from projections.worker.rebuild import rebuild
from tests.support.embedded_processes import nothing_left_of, processes_of, run
from tests.support.full_size import FULL_SIZE
from tests.support.oracles import oracle
from tests.support.oracles.random_plans import a_change, a_filter
from tests.support.read_model import read_model
from tests.support.running_product import TYPES, RunningProduct, cloud_event, eventually, running

CHANGES, PACE, KILLS = (50_000, 330, 10) if FULL_SIZE else (1_500, 250, 3)
EDIT_EVERY = 250  # changes
FACT_EVERY = 1 if FULL_SIZE else 3
CUSTOMERS = [f"crm-{number}" for number in range(1_000 if FULL_SIZE else 300)]
SEGMENTS = 60 if FULL_SIZE else 20
ROUNDS = 6 if FULL_SIZE else 2
NDJSON = {"Content-Type": "application/x-ndjson"}
OFTEN = {"activity": "order", "aggregate": "count", "window": {"last_days": 30}, "operator": "at_least", "value": 8}
MUCH = {"activity": "order", "aggregate": "sum", "of": "total", "operator": "greater_than", "value": 500}
WORK = {
    "ingest": "SELECT coalesce(sum(notification_id + 1), 0) FROM notification_tracking",
    "project": "SELECT position FROM projection",
}


class Upstream:
    """A system that sends changes: twice, late, sometimes nonsense. Passes each to the oracle."""

    def __init__(self, rollcall: RunningProduct, chance: Random) -> None:
        self.rollcall, self.chance = rollcall, chance
        self.naive = oracle.Account()
        self.naive.types |= TYPES
        self.effects: Counter[str] = Counter()
        self.invalid: Counter[tuple[str, bytes]] = Counter()
        self.deleted: set[str] = set()
        self.recent: dict[str, list[oracle.Change]] = {}
        self.sent = 0

    def send(self) -> None:
        self.sent += 1
        if self.chance.random() < 0.007:
            self._send_nonsense()
            return
        change = a_change(self.chance, CUSTOMERS, seconds=100_000)
        change.identity = ("crm", str(self.sent))
        before = self.recent.setdefault(change.key, [])
        if before and self.chance.random() < 0.05:
            change = self.chance.choice(before)
        self.recent[change.key] = [*before[-4:], change]
        structured = self.chance.random() < 0.5
        result, _ = self.naive.take(change, datetime.now(UTC))
        self.effects[change.key] += result == "effect"
        if result == "invalid":
            self.invalid[change.key, cloud_event(change, structured=structured)[0]] += 1
        if change.deletes:
            self.deleted.add(change.key)
        self.rollcall.send(change, structured=structured)

    def _send_nonsense(self) -> None:
        value = f'{{"number": {self.sent}'.encode()
        what = self.chance.choice(["syntax", "no event", "unknown type"])
        headers = {"content-type": "application/cloudevents+json"} if what == "syntax" else {}
        if what == "unknown type":
            headers = {"ce_specversion": "1.0", "ce_type": "x", "ce_source": "crm", "ce_id": str(self.sent)}
        key = self.chance.choice(CUSTOMERS)
        self.invalid[key, value] += 1
        self.rollcall.publish(key, value, headers)


class Shop:
    """A system that sends what people buy, some of it twice; it knows who bought how often, and for how much."""

    def __init__(self, rollcall: RunningProduct, chance: Random) -> None:
        self.rollcall, self.chance = rollcall, chance
        self.bought: dict[str, list[int]] = {}
        self.sent: list[tuple[str, bytes, dict[str, str]]] = []
        # The property has a type, so that it can be asked for.
        rollcall.ok("POST", "/v1/activities", content=json.dumps(self._order("buyer-0", 1)), headers=NDJSON)
        self.often, self.much = (rollcall.create(node) for node in (OFTEN, MUCH))

    def send(self) -> None:
        if self.sent and self.chance.random() < 0.1:
            self.rollcall.publish(*self.chance.choice(self.sent))
            return
        who, number = f"buyer-{self.chance.randrange(60)}", len(self.sent) + 1
        order = self._order(who, self.chance.randrange(100), number)
        headers = {
            "ce_specversion": "1.0", "ce_type": "rollcall.activity.recorded.v1", "ce_source": "shop",
            "ce_id": order["id"], "ce_subject": who, "ce_time": order["time"],
        }  # fmt: skip
        data = {"name": order["name"], "properties": order["properties"]}
        self.sent.append((who, json.dumps(data).encode(), headers))
        self.rollcall.publish(*self.sent[-1])

    def _order(self, who: str, total: int, number: int = 0) -> dict[str, Any]:
        self.bought.setdefault(who, []).append(total)
        time = (datetime.now(UTC) - timedelta(minutes=self.chance.randrange(600))).isoformat()
        return {"external_id": who, "name": "order", "id": str(number), "time": time, "properties": {"total": total}}

    def check(self) -> None:
        often = sorted(who for who, orders in self.bought.items() if len(orders) >= 8)
        much = sorted(who for who, orders in self.bought.items() if sum(orders) > 500)
        assert sorted(self.rollcall.members(self.often)) == often
        assert sorted(self.rollcall.members(self.much)) == much
        ((facts,),) = self.rollcall.rows("SELECT count(*) FROM activities")
        assert facts == sum(map(len, self.bought.values()))


class Killer:
    """Kills roles in turn until it is stopped, at random instants: while they work again, sometimes before."""

    def __init__(self, rollcall: RunningProduct, chance: Random) -> None:
        self.kills: Counter[str] = Counter()
        self.early: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(rollcall, chance), daemon=True)
        self._thread.start()

    def _run(self, rollcall: RunningProduct, chance: Random) -> None:
        while not self._stop.is_set():
            for role in chance.sample(sorted(WORK), len(WORK)):
                kills = self.early if chance.random() < 0.2 else self.kills
                if kills is self.kills:
                    self._wait_until_it_works(rollcall, role)
                if not self._stop.wait(chance.uniform(0, 0.5)):
                    kills[role] += rollcall.kill_role(role)

    def _wait_until_it_works(self, rollcall: RunningProduct, role: str) -> None:
        before = rollcall.rows(WORK[role])
        while rollcall.rows(WORK[role]) == before and not self._stop.wait(0.1):
            continue

    def enough(self) -> bool:
        return all(self.kills[role] >= KILLS for role in WORK)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_roles_killed_again_and_again_ingest_every_change_once(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = Random(seed)
    began = time.monotonic()
    with running(tmp_path / "home") as rollcall:
        rollcall.declare()
        filters = {rollcall.create(node): node for node in (a_filter(chance, still=True) for _ in range(SEGMENTS))}
        upstream, shop = Upstream(rollcall, chance), Shop(rollcall, chance)
        killer = Killer(rollcall, Random(seed + 1))
        started = time.monotonic()
        while upstream.sent < CHANGES or not killer.enough():
            upstream.send()
            if upstream.sent % FACT_EVERY == 0:
                shop.send()
            if upstream.sent % EDIT_EVERY == 0:
                segment, node = chance.choice(list(filters)), a_filter(chance, still=True)
                rollcall.edit(segment, node)
                filters[segment] = node
            ahead = upstream.sent / PACE - (time.monotonic() - started)
            time.sleep(max(0.0, ahead))  # the pace of the upstream, so that there is work when a kill comes
            assert time.monotonic() - started < 600, f"kills: {killer.kills}"
        rollcall.flush()
        killer.stop()
        took = time.monotonic() - started
        eventually(rollcall.is_all_ingested, 120)
        eventually(rollcall.is_up_to_date, 120)
        caught_up = time.monotonic() - started - took
        check_everything(rollcall, upstream, filters, shop)
        before = read_model(rollcall.database_url)
        rebuild(rollcall.database_url, batch_size=777, chunk_size=333)
        assert read_model(rollcall.database_url) == before
        still_alive(rollcall, upstream, filters, shop)
        history = len(before["history"])
    print(f"{upstream.sent} changes, {upstream.invalid.total()} invalid")
    print(f"kills: {dict(killer.kills)}, before they worked again: {dict(killer.early)}")
    print(f"{history} joins and leaves; published in {took:.1f} s, caught up {caught_up:.1f} s after the last")
    print(f"all {time.monotonic() - began:.1f} s")


def check_everything(rollcall: RunningProduct, upstream: Upstream, filters: dict[str, Any], shop: Shop) -> None:
    shop.check()
    for segment, node in filters.items():
        matching = sorted(oracle.matching(node, upstream.naive, ZoneInfo("UTC")))
        others = sorted(each for each in rollcall.members(segment) if each not in shop.bought)
        assert others == matching, node
    letters = rollcall.rows("SELECT key, value, topic, partition, record_offset FROM dead_letters")
    found = Counter((bytes(key).decode(), bytes(value)) for key, value, *_ in letters)
    assert found <= upstream.invalid
    assert {key for key, _ in upstream.invalid - found} <= upstream.deleted, "only an erasure takes a letter away"
    assert len({row[2:] for row in letters}) == len(letters)
    ((account_id,),) = rollcall.rows("SELECT account_id FROM accounts")
    events = dict(
        rollcall.rows(
            "SELECT originator_id, count(*) FROM stored_events WHERE topic LIKE 'rollcall.customer.%%' GROUP BY 1"
        )
    )
    effects = upstream.effects + Counter(dict.fromkeys(shop.bought, 1))
    expected = {customer_id_of(account_id, key): count for key, count in effects.items() if count}
    assert events == expected
    verified = run(rollcall.home, "verify")
    assert verified.returncode == 0, verified.stdout


def still_alive(rollcall: RunningProduct, upstream: Upstream, filters: dict[str, Any], shop: Shop) -> None:
    """After the switch to the rebuilt tables, changes are still projected."""
    for _ in range(50):
        upstream.send()
        shop.send()
    rollcall.flush()
    eventually(rollcall.is_all_ingested)
    eventually(rollcall.is_up_to_date)
    check_everything(rollcall, upstream, filters, shop)


@pytest.mark.slow
def test_the_whole_tree_killed_under_load_keeps_every_acknowledged_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    acknowledged: list[str] = []
    chance = random.Random()
    for turn in range(ROUNDS):
        rollcall = RunningProduct(home, ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none")
        if turn == 0:
            everybody = rollcall.create([{"attribute": "external_id", "operator": "is_set"}])
        loads = [threading.Thread(target=load, args=(rollcall, f"{turn}-{n}", acknowledged)) for n in range(2)]
        for each in loads:
            each.start()
        time.sleep(chance.uniform(0.5, 2.5))  # the instant of the kill is what varies
        rollcall.up.kill()
        for each in loads:
            each.join()
        rollcall.http.close()
        assert nothing_left_of(home), processes_of(home)
    assert len(acknowledged) > 100 * ROUNDS
    with running(home, ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as rollcall:
        eventually(rollcall.is_up_to_date)
        known = [row[0] for row in rollcall.rows("SELECT attributes->>'external_id' FROM customers")]
        assert len(known) == len(set(known))
        assert set(acknowledged) <= set(known)
        assert sorted(rollcall.members(everybody)) == sorted(known)
        assert run(home, "verify").returncode == 0
    print(f"acknowledged {len(acknowledged)}, there {len(known)}")
    assert nothing_left_of(home), processes_of(home)


def load(rollcall: RunningProduct, name: str, acknowledged: list[str]) -> None:
    """Sends lines in requests of a hundred, until the API no longer responds."""
    number = 0
    while True:
        keys = [f"{name}-{number + each}" for each in range(100)]
        lines = "\n".join(json.dumps({"external_id": key, "attributes": {"plan": key}}) for key in keys)
        try:
            answer = rollcall.http.post("/v1/customers/bulk", content=lines)
        except httpx.TransportError:
            return
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            return
        assert answer.json() == {"accepted": 100, "rejected": []}
        acknowledged.extend(keys)
        number += 100
