"""The backlog of one account in parts: any workers may project them, in any order; the rows are those of a replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft
from projections.postgres.database import worker_sessions
from projections.read.position import positions
from projections.worker.backlog import parts
from projections.worker.checkpoint import make_checkpoint
from projections.worker.log_writer import LiveWriter
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.full_size import seeds
from tests.support.installation import Installation
from tests.support.oracles.event_log import ScriptedLog, fresh_database
from tests.support.oracles.random_plans import KEYS, SIZES, Step, a_change, a_plan
from tests.support.oracles.sharing import divide_early, drain_together, part_taker
from tests.support.read_model import read_model

ANA = [{"attribute": "name", "operator": "equals", "value": "Ana"}]
BATCH, PART, CUSTOMERS = 20, 10, 60
DOUBLED = """
SELECT count(*) FROM (
    SELECT joined, lag(joined) OVER (PARTITION BY version_no, customer_no ORDER BY change_no) AS before
    FROM membership_changes
) AS t WHERE joined = before
"""


class SharedLog(ScriptedLog):
    """A log whose worker has two others beside it that take parts, and nothing else to do."""

    def __post_init__(self) -> None:
        self._helping = ExitStack()
        self.chance = Random(0)
        self.parts_taken = 0
        super().__post_init__()
        self.helpers = [self._helping.enter_context(part_taker(self.url, self.rollcall)) for _ in range(2)]

    def close(self) -> None:
        self._helping.close()
        super().close()

    def restart(self, batch_size: int, chunk_size: int) -> None:
        super().restart(batch_size, chunk_size)
        divide_early(self.worker)

    def rebuild(self, batch_size: int, chunk_size: int) -> None:
        # As the runner does: each worker begins anew with the read model that replaced the one it had loaded.
        super().rebuild(batch_size, chunk_size)
        self._helping.close()
        self.helpers = [self._helping.enter_context(part_taker(self.url, self.rollcall)) for _ in range(2)]

    def work(self, steps: int) -> None:
        for _ in range(steps):
            self._step(self.chance.choice([self.worker, *self.helpers]))

    def drain(self) -> None:
        while sum(self._step(each) for each in (*self.helpers, self.worker)):
            continue

    def _step(self, worker: Worker) -> bool:
        had_work = worker.step()
        if worker is not self.worker:
            self.parts_taken += had_work
        return had_work


def a_flood(chance: Random, length: int) -> list[Step]:
    """A plan with many changes of one account at once, now and then, and little work."""
    plan: list[Step] = []
    for step in a_plan(chance, length):
        plan.append(step)
        if step[0] == "changes":
            plan.append(("changes", step[1], [a_change(chance, KEYS * 2) for _ in range(chance.choice([5, 40, 80]))]))
    return plan


@pytest.mark.parametrize("seed", seeds(3, 12))
def test_a_shared_backlog_gives_the_rows_of_a_replay(postgres_url: str, template: str, seed: int) -> None:
    chance = Random(seed)
    with fresh_database(postgres_url, template) as url:
        log = SharedLog(url)
        log.chance = chance
        try:
            for name, *arguments in a_flood(chance, 60):
                getattr(log, name)(*arguments)
            log.drain()
            live = read_model(url)
            assert list(verify(url)) == []
            assert log.rows(DOUBLED) == [(0,)]
            assert log.parts_taken > 3
            rebuild(url, batch_size=chance.choice(SIZES), chunk_size=chance.choice(SIZES))
            assert read_model(url) == live
        finally:
            log.close()


@contextmanager
def dividing(installation: Installation, others: int = 2) -> Iterator[Worker]:
    """A worker of all accounts that divides what is ahead of one that lags."""
    with worker_sessions(installation.url) as sessions:
        worker = Worker(sessions, LiveWriter(installation._spanning.worker_events), batch_size=BATCH, batches=1)
        divide_early(worker, size=PART, others=others)
        worker.load()
        yield worker


def helping(installation: Installation) -> AbstractContextManager[Worker]:
    """Another worker, which takes parts."""
    return part_taker(installation.url, installation._spanning)


def flooded_account(installation: Installation) -> UUID:
    """An account with a list, a segment by name and one by what was done in the last day, all of it projected."""
    account = installation.account("large")
    rollcall = installation.rollcall
    day = {"last_hours": 24}
    did = {"activity": "order", "aggregate": "count", "window": day, "operator": "at_least", "value": 2}
    rollcall.customers.change(account, [order(installation, number) for number in range(CUSTOMERS)])
    for name, raw in (("Ana", ANA), ("Active", did)):
        rollcall.segments.create(account, SegmentDraft(name, "", "dynamic", raw))
    listed = rollcall.segments.create(account, SegmentDraft("List", "", "static"))
    rollcall.members.add(account, listed.id, [customer_id_of(account, f"c{number}") for number in range(CUSTOMERS)])
    installation.project()
    return account


def order(installation: Installation, number: int) -> CustomerChange:
    at = installation.now() - timedelta(hours=number % 24)
    return CustomerChange(f"c{number}", "activity", at, None, activity=Activity("order", {}))


def flood(installation: Installation, account: UUID, count: int = 300, *, deleting: bool = True) -> None:
    """Many changes, facts and deletions of the account's customers, all in the log and none projected."""
    changes = []
    for number in range(count):
        data = CustomerData(name=["Ana", "Bea"][number // CUSTOMERS % 2], phone=f"+35191000{number % 40:04}")
        changes.append(CustomerChange(f"c{number % CUSTOMERS}", "changed", installation.now(), data))
        changes.append(order(installation, number % CUSTOMERS))
        if deleting and number % 50 == 49:
            changes.append(CustomerChange(f"c{number % CUSTOMERS}", "deleted", installation.now()))
    installation.rollcall.customers.change(account, changes)


def divide(worker: Worker) -> None:
    """Step until a backlog is divided, none of whose parts is done."""
    while not worker.reader.divided:
        worker.project_events()
        worker.sharing._divide()


def finish(installation: Installation, account: UUID) -> None:
    """Whatever is left, and what must be true then."""
    installation.project()
    assert positions(installation.database, [account])[account] == installation.rollcall.head()
    assert list(verify(installation.url)) == []
    live = read_model(installation.url)
    rebuild(installation.url, batch_size=7)
    assert read_model(installation.url) == live
    with installation.owner() as owner:
        assert owner.execute(DOUBLED).fetchone() == (0,)


def test_every_worker_takes_parts_and_the_position_moves_when_all_are_done(installation: Installation) -> None:
    account = flooded_account(installation)
    flood(installation, account)
    with dividing(installation) as worker, helping(installation) as first, helping(installation) as second:
        divide(worker)
        before = positions(installation.database, [account])[account]
        ends = worker.reader.divided[account]
        taken = 0
        while first.sharing.help() + second.sharing.help():
            taken += 1
            assert positions(installation.database, [account])[account] == before
            assert list(verify(installation.url)) == [], "each customer is as of one event, whatever is left of others"
        assert taken > 2
        assert worker.sharing.share()
        assert positions(installation.database, [account])[account] >= ends
    finish(installation, account)


def test_a_definition_among_the_changes_is_handled_alone_at_its_position(installation: Installation) -> None:
    account = flooded_account(installation)
    flood(installation, account, 100)
    bea = [{"attribute": "name", "operator": "equals", "value": "Bea"}]
    installation.rollcall.segments.create(account, SegmentDraft("Bea", "", "dynamic", bea))
    defined = installation.rollcall.head()
    flood(installation, account, 100)
    with dividing(installation) as worker, helping(installation) as other:
        divide(worker)
        assert worker.reader.divided[account] < defined
        drain_together(worker, other)
        assert {name for _, state in [other.sharing._guests[account]] for name in _names(state)} == {
            "Ana", "Active", "List", "Bea",
        }, "it read the account anew"  # fmt: skip
    finish(installation, account)


def _names(state: Any) -> list[str]:
    return [segment.name for segment in state.segments.values()]


@pytest.mark.parametrize("busy", [0.3, 0.9])
def test_a_customer_with_most_of_the_events_makes_no_large_part(installation: Installation, busy: float) -> None:
    account = flooded_account(installation)
    chance = Random(busy)
    busy_one = [0 if chance.random() < busy else chance.randrange(CUSTOMERS) for _ in range(400)]
    installation.rollcall.customers.change(account, [order(installation, number) for number in busy_one])
    with dividing(installation) as worker, helping(installation) as other:
        sizes = []
        while worker.step() + other.step():
            for _, last in worker.reader.divided.items():
                after = worker.reader.lagging[account]
                sizes.append(parts.ahead(worker.sessions.reading, account, after, last, 12, PART).largest)
        assert bool(sizes) == (busy < 0.5)
        assert all(size <= PART + PART // 4 for size in sizes)
    finish(installation, account)


def test_a_worker_that_dies_leaves_its_parts_and_its_backlog_to_others(installation: Installation) -> None:
    account = flooded_account(installation)
    flood(installation, account)
    with dividing(installation) as worker, helping(installation) as other:
        divide(worker)
        other.sharing.help()
        open_part = worker.transaction()
        open_part.__enter__()
        assert parts.take(worker.connection, [account]) is not None
        worker.connection.close()
        while other.sharing.help():
            continue
    with dividing(installation, others=0) as heir:
        assert heir.reader.divided.keys() == {account}
        drain_together(heir)
        assert heir.reader.divided == {}
    finish(installation, account)


def test_a_rebuild_takes_over_what_is_done_of_a_divided_backlog(installation: Installation) -> None:
    account = flooded_account(installation)
    flood(installation, account, deleting=False)  # the log keeps nothing of what an erased customer was
    with dividing(installation) as worker, helping(installation) as other:
        divide(worker)
        assert [other.sharing.help(), other.sharing.help()] == [True, True]
        live = read_model(installation.url)
    rebuild(installation.url, batch_size=7)
    assert read_model(installation.url) == live
    finish(installation, account)


def test_a_checkpoint_of_a_divided_backlog_is_a_start_for_a_rebuild(installation: Installation) -> None:
    account = flooded_account(installation)
    flood(installation, account, deleting=False)
    with dividing(installation) as worker, helping(installation) as other:
        divide(worker)
        other.sharing.help()
        make_checkpoint(installation.url)
        other.sharing.help()
        live = read_model(installation.url)
    rebuild(installation.url, from_checkpoint=True, batch_size=7)
    assert read_model(installation.url) == live
    installation.project()
    live = read_model(installation.url)
    rebuild(installation.url, from_checkpoint=True, batch_size=7)
    assert read_model(installation.url) == live
    finish(installation, account)
