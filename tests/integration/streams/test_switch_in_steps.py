"""A switch is appended to the change stream in steps: whatever happens between them, following it gives the members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from domain.formats.fields import CHANGE_FIELDS
from projections.model import changes
from projections.postgres.database import Database
from projections.read.streams.changes import Change
from projections.read.streams.member_topics import pass_on
from projections.worker.checkpoint import make_checkpoint
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.full_size import seeds
from tests.support.oracles import oracle
from tests.support.oracles.event_log import START, ScriptedLog, fresh_database
from tests.support.oracles.random_plans import a_plan

FOLLOWED = """
SELECT segment_no, customer_no
FROM (SELECT DISTINCT ON (segment_no, customer_no) segment_no, customer_no, joined
      FROM membership_changes ORDER BY segment_no, customer_no, change_no DESC) AS newest
WHERE joined
ORDER BY 1, 2
"""
MEMBERS = """
SELECT s.segment_no, m.customer_no FROM segments s JOIN members m ON m.version_no = s.serving ORDER BY 1, 2
"""
# The first is a join, and joins and leaves take turns.
OUT_OF_TURN = """
SELECT segment_no, customer_no, change_no
FROM (SELECT *, lag(joined, 1, false) OVER (PARTITION BY segment_no, customer_no ORDER BY change_no) AS before
      FROM membership_changes) AS t
WHERE joined = before
"""


GOLD, SILVER = ({"attribute": "plan", "operator": "equals", "value": value} for value in ("gold", "silver"))
NAMED, NAMELESS = ({"attribute": "name", "operator": operator} for operator in ("is_set", "is_not_set"))


class SteppedLog(ScriptedLog):
    """A log whose worker counts the steps of switches."""

    steps = 0

    def work(self, steps: int) -> None:
        for _ in range(steps):
            self.steps += self.worker.model.changes.is_switching()
            self.worker.step()


@pytest.mark.parametrize("seed", seeds(4, 40))
def test_following_the_stream_gives_the_members_whatever_happens_between_the_steps_of_a_switch(
    postgres_url: str, template: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)
    monkeypatch.setattr(changes, "STEP", chance.choice([1, 2, 5]))
    with fresh_database(postgres_url, template) as url:
        log = SteppedLog(url)
        try:
            for name, *arguments in a_plan(chance, 120):
                getattr(log, name)(*arguments)
            log.drain()
            assert log.steps > 0
            assert log.rows(FOLLOWED) == log.rows(MEMBERS)
            assert log.rows(OUT_OF_TURN) == []
            assert log.rows("SELECT * FROM switches_to_append") == []
            assert list(verify(url)) == []
        finally:
            log.close()


@pytest.fixture
def log(postgres_url: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedLog]:
    """Six customers with gold, and four, whose steps are a switch's last, with silver and without a name."""
    monkeypatch.setattr(changes, "STEP", 1)
    with fresh_database(postgres_url, template) as url, closing(ScriptedLog(url)) as log:
        log.changes(0, [change(key, "gold", 0) for key in "abcdef"])
        log.changes(0, [change(key, "silver", 0, name="") for key in "wxyz"])
        log.drain()
        yield log


def change(key: str, plan: str, second: int, *, name: str = "Ana", deletes: bool = False) -> oracle.Change:
    data = {"attributes": {"plan": plan}, "name": name}
    return oracle.Change(key, START + timedelta(seconds=second), data, deletes, None)


def edit_until_some_steps_are_left(log: ScriptedLog, old: Any, new: Any) -> None:
    log.create(0, old)
    log.drain()
    log.edit(0, 0, new, None)
    while not log.worker.model.changes.is_switching():
        assert log.worker.step()


@pytest.mark.parametrize(("old", "new", "plan"), [(GOLD, SILVER, "silver"), (SILVER, GOLD, "silver")])
def test_who_reads_a_list_between_two_steps_and_follows_has_the_members(
    log: ScriptedLog, old: Any, new: Any, plan: str
) -> None:
    edit_until_some_steps_are_left(log, old, new)
    ((after,),) = log.rows("SELECT change_no FROM last_membership_change")
    followed = set(log.rows(MEMBERS))
    log.changes(0, [change("f", plan, 5)])
    log.drain()
    later = (
        f"SELECT segment_no, customer_no, joined FROM membership_changes WHERE change_no > {after} ORDER BY change_no"
    )
    for *member, joined in log.rows(later):
        (followed.add if joined else followed.discard)(tuple(member))
    assert followed == set(log.rows(MEMBERS))


@pytest.mark.parametrize(("old", "new"), [(GOLD, SILVER), (SILVER, GOLD)])
def test_a_topic_of_members_that_is_filled_between_two_steps_has_the_members(
    log: ScriptedLog, old: Any, new: Any
) -> None:
    held: set[int] = set()

    def publish(found: Sequence[Change]) -> None:
        for each in found:
            (held.add if each.joined else held.discard)(each.customer_no)

    topic_id = uuid4()
    with closing(Database(log.url, "rollcall_worker", size=2)) as database:
        edit_until_some_steps_are_left(log, old, new)
        for plan in (None, "silver"):
            if plan is not None:
                log.changes(0, [change("f", plan, 5)])
                log.drain()
            while pass_on(database, "members", topic_id, 10, CHANGE_FIELDS, publish):
                continue
    assert held == {customer_no for _, customer_no in log.rows(MEMBERS)}


@pytest.mark.parametrize(("old", "new"), [(GOLD, SILVER), (NAMELESS, GOLD), (SILVER, NAMELESS), (NAMED, NAMELESS)])
@pytest.mark.parametrize("from_checkpoint", [False, True])
@pytest.mark.parametrize("is_projected", [False, True])
def test_customers_erased_between_two_steps_leave_also_where_a_rebuild_follows(
    log: ScriptedLog, old: Any, new: Any, from_checkpoint: bool, is_projected: bool
) -> None:
    if from_checkpoint:
        make_checkpoint(log.url)
    edit_until_some_steps_are_left(log, old, new)
    log.changes(0, [change(key, "gold", 5, deletes=True) for key in "aefz"])
    if is_projected:
        log.work(1)
        assert len(log.rows("SELECT FROM customers")) < 10
    rebuild(log.url, from_checkpoint=from_checkpoint)
    log.restart(50, 1)
    assert log.worker.model.changes.is_switching()
    log.drain()
    assert log.rows(FOLLOWED) == log.rows(MEMBERS)
    assert log.rows(OUT_OF_TURN) == []
