"""Replay of logs in which time passes while versions are being built: whatever the rhythm, the same rows.

The live worker does one small step at a time in random order (a batch, a chunk, some customers' time) and
starts anew now and then, so that `TimePassed` meets unfinished versions, edits meet unfinished edits, and
customers are touched before and after their chunk or step. The log is then replayed by workers with other batches and
chunks, none of which looks at a clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.model import time_steps
from projections.model.time_flips import NEVER
from projections.worker.chunk_size import ChunkSize
from projections.worker.rebuild import rebuild
from projections.worker.shards.event_reader import Positions
from projections.worker.shards.shard import ALL
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.full_size import seeds
from tests.support.installation import Installation
from tests.support.oracles.sharing import divide_early, part_taker

TYPES = {"born": "date", "seen": "datetime", "plan": "text"}
COUNTED = """
SELECT h.customer_no, h.version_no, h.position, h.at, h.joined, h.cause
FROM membership_history h JOIN segment_versions v USING (version_no)
WHERE v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR h.position <= v.superseded_by)
ORDER BY 1, 3, 4, 2
"""
SERVED = """
SELECT m.version_no, m.customer_no, m.joined_at, m.position
FROM members m JOIN segments s ON s.serving = m.version_no ORDER BY 1, 2
"""
STATES = "SELECT version_no, state, superseded_by FROM segment_versions ORDER BY 1"


@dataclass
class Story:
    """What happens to an account, drawn from a seed, on a clock of its own."""

    installation: Installation
    chance: random.Random
    clock: list[datetime]
    account: UUID
    segments: list[UUID] = field(default_factory=list)

    def a_filter(self) -> Any:
        chance = self.chance
        leaves = [
            {"attribute": "seen", "operator": "in_last_hours", "value": chance.choice([1, 4])},
            {"attribute": "seen", "operator": "in_next_hours", "value": chance.choice([1, 4])},
            {"attribute": "seen", "operator": "more_than_days_ago", "value": chance.choice([0, 1])},
            {"attribute": "born", "operator": "anniversary_in_next_days", "value": chance.choice([0, 1])},
            {"attribute": "seen", "operator": "in_period", "value": chance.choice(["today", "tomorrow", "this_month"])},
            {"attribute": "plan", "operator": "equals", "value": "pro"},
        ]
        if self.segments and chance.random() < 0.2:
            leaves.append({"attribute": "segment", "operator": "in", "value": [str(self.segments[0])]})
        picked = chance.sample(leaves, chance.choice([1, 2]))
        return {chance.choice(["all", "any"]): [{"not": each} if chance.random() < 0.3 else each for each in picked]}

    def happen(self) -> None:
        """One change, edit or deletion."""
        chance, rollcall = self.chance, self.installation.rollcall
        self.clock[0] += chance.choice([timedelta(0), timedelta(seconds=1), timedelta(minutes=37), timedelta(hours=5)])
        kind = chance.random()
        if kind < 0.15:
            # The first one is named by others, and names none: no cycle.
            place = chance.randrange(len(self.segments))
            raw = {"all": [{"attribute": "plan", "operator": "equals", "value": chance.choice("ab")}]}
            raw = self.a_filter() if place else raw
            rollcall.segments.edit(self.account, self.segments[place], SegmentEdit(filter=raw), None)
        elif kind < 0.2:
            rollcall.customers.change(self.account, [CustomerChange(self.random_customer(), "deleted", self.clock[0])])
        else:
            changes = [CustomerChange(self.random_customer(), "changed", self.clock[0], self.data()) for _ in range(3)]
            rollcall.customers.change(self.account, changes)

    def random_customer(self) -> str:
        return f"p{self.chance.randrange(12)}"

    def data(self) -> CustomerData:
        chance, now = self.chance, self.clock[0]
        values = {
            "born": (now + timedelta(days=chance.randrange(-1, 3))).date().replace(year=1992).isoformat(),
            "seen": (now + timedelta(hours=chance.uniform(-6, 6))).isoformat(),
            "plan": chance.choice(["pro", "a", "b"]),
        }
        return CustomerData(attributes={key: value for key, value in values.items() if chance.random() < 0.6})


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many customers a day that begins must flip for each version to be evaluated in SQL: all, or none."""
    return lambda seed: monkeypatch.setattr(time_steps, "SET_BASED_FROM", 0 if seed % 2 else NEVER)


def drain(worker: Worker) -> None:
    while worker.step():
        pass


def rows(installation: Installation) -> list[Any]:
    with installation.owner() as owner:
        return [owner.execute(query).fetchall() for query in (COUNTED, SERVED, STATES)]


def live(story: Story, rounds: int) -> None:
    chance = story.chance
    while rounds > 0:
        installation = story.installation
        with installation.worker() as worker, part_taker(installation.url, installation._spanning) as other:
            divide_early(worker)
            worker.batch_size, worker.batches = chance.choice([1, 2, 7, 100]), chance.choice([1, 2, 5])
            worker.reader.batch_size = worker.batch_size
            worker.chunk_size = chance.choice([1, 2, 5, 100])
            worker._fill_size = ChunkSize(worker.chunk_size)
            for _ in range(chance.randrange(5, 40)):
                if chance.random() < 0.4:
                    story.happen()
                    rounds -= 1
                work = [
                    worker.project_events,
                    worker.project_events,
                    worker.sharing.share,
                    other.sharing.help,
                    worker.append_time_passed,
                    worker.pass_time,
                    worker.fill_versions,
                    worker.append_refreshed,
                    worker.purge,
                ]
                chance.choice(work)()


def a_story(database_url: str, seed: int) -> Story:
    clock = [datetime(2028, 2, 28, 12, tzinfo=UTC)]
    installation = Installation(database_url, lambda: clock[0])
    account = installation.account(timezone="Pacific/Apia" if seed % 2 else "America/New_York")
    story = Story(installation, random.Random(seed), clock, account)
    for key, kind in TYPES.items():
        installation.rollcall.attributes.declare(account, key, kind, None)  # type: ignore[arg-type]
    gold: Any = [{"attribute": "plan", "operator": "equals", "value": "pro"}]
    for place in range(4):
        draft = SegmentDraft(f"s{place}", "", "dynamic", story.a_filter() if place else gold)
        story.segments.append(installation.rollcall.segments.create(account, draft).id)
    return story


@pytest.mark.parametrize("seed", seeds(1, 4))
def test_a_replay_gives_the_same_rows_with_any_batching(
    database_url: str, seed: int, evaluated: Callable[[int], None]
) -> None:
    story = a_story(database_url, seed)
    installation, chance = story.installation, story.chance
    evaluated(seed)
    live(story, 60)
    with installation.worker() as worker:
        drain(worker)
    assert list(verify(database_url)) == []
    before = rows(installation)
    assert {"change", "time", "edit"} <= {row[5] for row in before[0]}
    for replay in range(3):
        evaluated(replay)
        rebuild(database_url, batch_size=chance.choice([1, 3, 20, 5_000]), chunk_size=chance.choice([1, 3, 1_000]))
        assert rows(installation) == before
        assert list(verify(database_url)) == []
    installation.close()


@pytest.mark.parametrize("seed", seeds(1, 3, 101))
def test_a_replay_of_unfinished_versions_ends_as_the_live_worker_does(
    database_url: str, seed: int, evaluated: Callable[[int], None]
) -> None:
    story = a_story(database_url, seed)
    evaluated(1)
    live(story, 40)
    rebuild(database_url, batch_size=3, chunk_size=2)
    evaluated(2)
    live(story, 20)
    with story.installation.worker() as worker:
        drain(worker)
    assert list(verify(database_url)) == []
    before = rows(story.installation)
    rebuild(database_url, batch_size=50, chunk_size=4)
    assert rows(story.installation) == before
    story.installation.close()


def test_draining_to_a_position_ends_although_a_version_waits_behind_it(database_url: str) -> None:
    story = a_story(database_url, 0)
    head = story.installation.rollcall.head()
    with story.installation.worker() as worker:
        worker.drain(Positions(dict.fromkeys(ALL, head), {}))
        assert worker.position == head
        assert not worker.is_filling()
        assert any(account.builds for account in worker.model.accounts.values())
        drain(worker)
        assert not any(account.builds for account in worker.model.accounts.values())
    story.installation.close()
