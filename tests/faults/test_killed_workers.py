"""Four projection workers, one of them killed with -9 again and again: nothing is lost or doubled.

Over 16 accounts, or over one whose backlog they share. Meanwhile customers change, filters are edited, time makes
members leave and audiences are frozen. FULL_SIZE=1 in the environment kills one every two seconds for a minute.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from uuid import UUID

import pytest

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.log_writer import MODEL_LOCK
from projections.worker.rebuild import rebuild
from projections.worker.shards.shard import shard_of
from projections.worker.verify import verify
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.read_model import read_model
from tests.support.role_processes import Project
from tests.support.running_product import eventually

ACCOUNTS, CUSTOMERS, WORKERS = 16, 60, 4
# Of the one account.
MANY, FLOOD, ROUNDS = (5_000, 20_000, 30) if FULL_SIZE else (1_000, 12_000, 1)
KILLS, PAUSE = (30, 2.0) if FULL_SIZE else (3, 1.0)
RECENT = [{"attribute": "seen", "operator": "in_last_hours", "value": 1}]
# Joins and leaves of one customer and version alternate, in the history and in the change stream.
DOUBLED = """
SELECT count(*) FROM (
    SELECT joined, lag(joined) OVER (PARTITION BY version_no, customer_no ORDER BY {order}) AS before FROM {table}
) AS t WHERE joined = before
"""
# A customer who was seen leaves exactly an hour later.
INEXACT = """
SELECT count(*)
FROM membership_history h
JOIN segment_versions v USING (version_no)
JOIN segments s ON s.segment_no = v.segment_no AND s.name = 'Recent'
WHERE h.cause = 'time' AND extract(microseconds FROM h.at)::bigint % 1000000 <> 250000
"""


HELPED = "SELECT EXISTS (SELECT FROM rollcall_model.backlog_parts WHERE done)"
FINISHED = "SELECT log_head() = position AND NOT EXISTS (SELECT FROM audiences WHERE NOT counted) FROM projection"


class Scene:
    """Accounts with a plain and a time-driven segment and a campaign each, and what happens in them."""

    def __init__(self, installation: Installation, chance: random.Random, accounts: int = ACCOUNTS) -> None:
        self.installation, self.chance = installation, chance
        self.accounts = [installation.account(f"account {number}") for number in range(accounts)]
        self.segments: dict[UUID, UUID] = {}
        self.campaigns: dict[UUID, UUID] = {}
        rollcall = installation.rollcall
        for account in self.accounts:
            rollcall.attributes.declare(account, "seen", "datetime", None)
            saved = rollcall.segments.create(account, SegmentDraft("Named", "", "dynamic", named(0)))
            recent = rollcall.segments.create(account, SegmentDraft("Recent", "", "dynamic", RECENT))
            self.segments[account] = saved.id
            draft = CampaignDraft("Sale", [saved.id, recent.id], [])
            self.campaigns[account] = rollcall.campaigns.create(account, draft).id

    def happen(self, accounts: Sequence[UUID]) -> None:
        """Some customers of each account change; now and then a filter is edited, or an audience frozen."""
        rollcall, chance = self.installation.rollcall, self.chance
        for account in accounts:
            rollcall.customers.change(account, [self._change(CUSTOMERS) for _ in range(20)])
            if chance.random() < 0.2:
                edit = SegmentEdit(filter=named(chance.randrange(3)))
                rollcall.segments.edit(account, self.segments[account], edit, None)
            if chance.random() < 0.1:
                rollcall.campaigns.freeze(account, self.campaigns[account])

    def flood(self) -> None:
        """Very many changes of the first account, with an edit and an audience among them, before any is projected."""
        rollcall, chance, account = self.installation.rollcall, self.chance, self.accounts[0]
        with self.installation.owner() as owner, owner.transaction():
            owner.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
            for number in range(FLOOD // 2_000):
                rollcall.customers.change(account, [self._change(MANY) for _ in range(2_000)])
                if number == FLOOD // 2_000 // 3:
                    edit = SegmentEdit(filter=named(chance.randrange(3)))
                    rollcall.segments.edit(account, self.segments[account], edit, None)
                    rollcall.campaigns.freeze(account, self.campaigns[account])

    def _change(self, customers: int) -> CustomerChange:
        chance, now = self.chance, datetime.now().astimezone()
        leaves = (now + timedelta(seconds=chance.randrange(-1, 6))).replace(microsecond=250_000)
        data = CustomerData(
            name=str(chance.randrange(3)),
            phone=f"+3519100000{chance.randrange(30):02}",
            attributes={"seen": (leaves - timedelta(hours=1)).isoformat()},
        )
        return CustomerChange(f"c{chance.randrange(customers)}", "changed", now, data)


def named(number: int) -> list[dict[str, str]]:
    return [{"attribute": "name", "operator": "equals", "value": str(number)}]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_killed_again_and_again_project_every_event_once(installation: Installation, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    scene = Scene(installation, chance)
    assert len({shard_of(account) for account in scene.accounts}) > WORKERS
    workers = [Project(installation, tmp_path) for _ in range(WORKERS)]
    try:
        eventually(lambda: sum(worker.has()[0] for worker in workers) == 64)
        for victim in (chance.randrange(WORKERS) for _ in range(KILLS)):
            until = time.monotonic() + PAUSE * chance.uniform(0.5, 1.5)
            for account in cycle(scene.accounts):
                scene.happen([account])
                if time.monotonic() > until:
                    break
            workers[victim].kill()
            workers[victim] = Project(installation, tmp_path)
        with installation.owner() as owner:
            eventually(lambda: owner.execute(FINISHED).fetchone() == (True,), 60)
        eventually(lambda: [worker.has()[0] for worker in workers] == [64 // WORKERS] * WORKERS, 60)
    finally:
        for worker in workers:
            worker.close()
    check(installation, chance)
    print(f"{KILLS} kills")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_killed_while_they_share_a_backlog_project_every_event_once(
    installation: Installation, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    scene = Scene(installation, chance, accounts=1)
    workers = [Project(installation, tmp_path) for _ in range(WORKERS)]
    try:
        eventually(lambda: sum(worker.has()[0] for worker in workers) == 64)
        with installation.owner() as owner:
            for victim in (chance.randrange(WORKERS) for _ in range(ROUNDS)):
                scene.flood()
                eventually(lambda: owner.execute(HELPED).fetchone() == (True,), 60)
                workers[victim].kill()
                workers[victim] = Project(installation, tmp_path)
            eventually(lambda: owner.execute(FINISHED).fetchone() == (True,), 120)
        eventually(lambda: [worker.has()[0] for worker in workers] == [64 // WORKERS] * WORKERS, 60)
    finally:
        for worker in workers:
            worker.close()
    check(installation, chance)


def check(installation: Installation, chance: random.Random) -> None:
    """Everything that the workers left is right, at its exact instant, once, and what a rebuild makes."""
    installation.project()
    assert list(verify(installation.url)) == []
    with installation.owner() as owner:
        for table, order in (("membership_history", "position, at"), ("membership_changes", "change_no")):
            assert owner.execute(DOUBLED.format(table=table, order=order)).fetchone() == (0,), table
        assert owner.execute(INEXACT).fetchone() == (0,)
        ((by_time,),) = owner.execute("SELECT count(*) FROM membership_history WHERE cause = 'time'").fetchall()
    assert by_time > 0
    before = read_model(installation.url)
    rebuild(installation.url, batch_size=chance.choice([100, 333, 2_000]), chunk_size=chance.choice([50, 1_000]))
    assert read_model(installation.url) == before
    print(f"{len(before['history'])} joins and leaves, {by_time} of them by time")
