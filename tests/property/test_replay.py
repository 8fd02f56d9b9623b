"""Replay: a random log, projected in one rhythm and rebuilt in another, gives the same rows, and they are right."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from projections.worker.verify import verify
from tests.support.full_size import seeds
from tests.support.oracles.event_log import ScriptedLog, fresh_database
from tests.support.oracles.random_plans import SIZES, Step, a_plan
from tests.support.read_model import read_model


def snapshot(log: ScriptedLog) -> dict[str, list[Any]]:
    return read_model(log.url)


def check_against_the_oracle(log: ScriptedLog, actual: dict[str, list[Any]]) -> None:
    """Members with instant and event of joining, and every join and leave exactly once."""
    stories = log.stories()
    expected = sorted(
        (version.position, number, at, position)
        for story in stories
        for version in story.serving.values()
        for number, (at, position) in version.members.items()
    )
    predicted_versions = {version.position for story in stories for version in story.versions}
    assert [row[:4] for row in actual["members"] if row[0] in predicted_versions] == expected
    expected_history = sorted(
        (version, number, position, at, joined, cause)
        for story in stories
        for version, number, position, at, joined, cause in story.history()
    )
    assert sorted(row[:6] for row in actual["history"] if row[0] in predicted_versions) == expected_history
    assert [row[1] for row in actual["customers"]] == sorted(number for story in stories for number in story.people)
    serving = {segment: version.position for story in stories for segment, version in story.serving.items()}
    assert {row[2]: row[10] for row in actual["segments"] if row[2] not in timed(log)} == serving
    assert all((row[11], row[12]) == (None, None) for row in actual["segments"]), "nothing is unfinished or failed"


def timed(log: ScriptedLog) -> set[Any]:
    return {segment for ledger in log.ledgers for segment in ledger.timed}


def run(log: ScriptedLog, plan: list[Step]) -> None:
    for name, *arguments in plan:
        getattr(log, name)(*arguments)
    log.drain()


@pytest.mark.parametrize("seed", seeds(1, 8, 1042, 1079))
def test_any_batching_gives_the_same_and_the_right_rows(postgres_url: str, template: str, seed: int) -> None:
    chance = Random(seed)
    with fresh_database(postgres_url, template) as url:
        log = ScriptedLog(url)
        try:
            run(log, a_plan(chance, 120))
            live = snapshot(log)
            check_against_the_oracle(log, live)
            assert list(verify(url)) == []
            log.rebuild(chance.choice(SIZES), chance.choice(SIZES))
            assert snapshot(log) == live
            run(log, a_plan(chance, 20))
            check_against_the_oracle(log, snapshot(log))
            assert list(verify(url)) == []
        finally:
            log.close()
