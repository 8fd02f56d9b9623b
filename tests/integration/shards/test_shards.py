"""Shards: accounts do not wait for each other, workers divide them, and one that lost its leases writes nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.postgres.database import worker_sessions
from projections.read.position import positions, progress
from projections.worker.log_writer import LiveWriter
from projections.worker.rebuild import rebuild
from projections.worker.shards import leases
from projections.worker.shards.leases import LeaseLost
from projections.worker.shards.shard import ALL, shard_of
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.read_model import read_model

ANA = [{"attribute": "name", "operator": "equals", "value": "Ana"}]
BATCH = 20


def change(installation: Installation, account: UUID, count: int, start: int = 0) -> None:
    """Let `count` customers of an account become Ana, or cease to be."""
    names = ["Ana", "Bea"]
    changes = [
        CustomerChange(
            f"c{number % 50}",
            "changed",
            installation.now(),
            CustomerData(name=names[number // 50 % 2], tags=[str(number)]),
        )
        for number in range(start, start + count)
    ]
    installation.rollcall.customers.change(account, changes)


def accounts(installation: Installation, count: int) -> list[UUID]:
    """Accounts that each have a segment."""
    made = [installation.account(f"account {number}") for number in range(count)]
    for account in made:
        installation.rollcall.segments.create(account, SegmentDraft("Ana", "", "dynamic", ANA))
    return made


@contextmanager
def worker(installation: Installation, shards: frozenset[int] = ALL) -> Iterator[Worker]:
    """A worker with small batches."""
    with worker_sessions(installation.url) as sessions:
        held = leases.join(sessions.writing)
        made = Worker(sessions, LiveWriter(installation._spanning.worker_events, held), batch_size=BATCH, batches=1)
        made.load(shards)
        yield made


def projected(installation: Installation, account: UUID) -> int:
    """The position of an account's answers."""
    return positions(installation.database, [account])[account]


def test_an_account_does_not_wait_for_the_backlog_of_another(installation: Installation) -> None:
    flooded, other = accounts(installation, 2)
    with worker(installation) as projecting:
        projecting.drain()
        for start in range(0, 20 * BATCH, BATCH):
            change(installation, flooded, BATCH, start)
        change(installation, other, 1)
        head = installation.rollcall.head()
        for _ in range(3):
            projecting.project_events()
        assert projected(installation, other) == head
        assert projected(installation, flooded) < head - 10 * BATCH
        assert progress(installation.database) == (projected(installation, flooded), head)
        # What follows is shared: neither of two that lag waits for the other to the end.
        for start in range(0, 20 * BATCH, BATCH):
            change(installation, other, BATCH, start)
        for _ in range(6):
            projecting.project_events()
        assert {flooded, other} == set(projecting.reader.lagging)
        before = [projected(installation, account) for account in (flooded, other)]
        for _ in range(2):
            projecting.project_events()
        after = [projected(installation, account) for account in (flooded, other)]
        assert all(then < now for then, now in zip(before, after, strict=True))
        projecting.drain()
        assert projecting.reader.lagging == {}
    assert progress(installation.database)[0] == installation.rollcall.head()
    assert list(verify(installation.url)) == []


@pytest.mark.parametrize("seed", range(3 if FULL_SIZE else 1))
def test_workers_that_come_and_go_at_any_step_leave_what_a_rebuild_makes(installation: Installation, seed: int) -> None:
    chance = random.Random(seed)
    made = accounts(installation, 6)
    for _ in range(6):
        for account in made:
            change(installation, account, chance.choice([0, 1, 3 * BATCH]), chance.randrange(1_000))
        parts = [frozenset(part) for part in _parts(chance, chance.randint(1, 3))]
        with ExitStack() as running:
            workers = [running.enter_context(worker(installation, part)) for part in parts if part]
            for _ in range(chance.randint(0, 12)):
                chance.choice(workers).step()
    with worker(installation) as last:
        while last.step():
            continue
    live = read_model(installation.url)
    assert list(verify(installation.url)) == []
    rebuild(installation.url, batch_size=chance.choice([3, BATCH, 1_000]))
    assert read_model(installation.url) == live


def _parts(chance: random.Random, count: int) -> list[set[int]]:
    divided: list[set[int]] = [set() for _ in range(count)]
    for shard in ALL:
        chance.choice(divided).add(shard)
    return divided


def test_a_rebuild_beside_a_backlog_stops_each_account_where_its_worker_is(installation: Installation) -> None:
    flooded, other = accounts(installation, 2)
    with worker(installation) as projecting:
        projecting.drain()
        for start in range(0, 10 * BATCH, BATCH):
            change(installation, flooded, BATCH, start)
        change(installation, other, 1)
        for _ in range(3):
            projecting.project_events()
    before = [projected(installation, account) for account in (flooded, other)]
    assert before[0] < before[1]
    live = read_model(installation.url)
    rebuild(installation.url, batch_size=7)
    assert [projected(installation, account) for account in (flooded, other)] == before
    assert read_model(installation.url) == live
    installation.project()
    assert list(verify(installation.url)) == []
    with installation.owner() as owner:
        changes = owner.execute("SELECT count(*) FROM membership_changes").fetchone()
        history = owner.execute("SELECT count(*) FROM membership_history").fetchone()
    assert changes == history, "each join and leave is in the change stream once"


def test_a_dismissed_worker_writes_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    (account,) = accounts(installation, 1)
    installation.project()
    with worker(installation) as hanging, worker_sessions(installation.url) as (writing, _):
        change(installation, account, 5)
        monkeypatch.setattr(leases, "EXPIRES", timedelta(0))
        other = leases.join(writing)
        assert other.deal(writing).take
        before = projected(installation, account)
        with pytest.raises(LeaseLost):
            hanging.project_events()
        assert projected(installation, account) == before


def test_a_worker_is_not_dismissed_in_the_middle_of_a_transaction(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "EXPIRES", timedelta(0))
    with worker(installation) as slow, worker_sessions(installation.url) as (writing, _):
        other = leases.join(writing)
        with slow.transaction():
            other.deal(writing)
        assert writing.execute("SELECT count(*) FROM workers").fetchone() == (2,)
        other.deal(writing)
        assert writing.execute("SELECT count(*) FROM workers").fetchone() == (1,)


def test_many_accounts_take_two_queries_for_a_batch(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = accounts(installation, 12)
    with worker(installation) as projecting:
        projecting.drain()
        for account in made:
            change(installation, account, 1)
        asked: list[object] = []
        execute: Any = projecting.sessions.reading.execute

        def counted(*query: object, **options: object) -> object:
            asked.append(query)
            return execute(*query, **options)

        monkeypatch.setattr(projecting.sessions.reading, "execute", counted)
        projecting.project_events()
        assert len(asked) == 2, "events, and their customers"
    head = installation.rollcall.head()
    assert [projected(installation, account) for account in made] == [head] * len(made)


def test_a_shard_is_the_same_in_python_and_in_sql(installation: Installation) -> None:
    account = installation.account()
    with installation.owner() as owner:
        assert owner.execute("SELECT shard_of(%s)", [account]).fetchone() == (shard_of(account),)
