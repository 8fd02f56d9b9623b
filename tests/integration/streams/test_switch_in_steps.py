"""A switch is appended to the change stream in steps: whatever happens between them, following it gives the members."""

from __future__ import annotations

from random import Random

import pytest

from projections.model import changes
from projections.worker.verify import verify
from tests.support.full_size import seeds
from tests.support.oracles.event_log import ScriptedLog, fresh_database
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
