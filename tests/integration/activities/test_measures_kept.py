"""What is kept of measures between releases and after they are dropped: it fails or delays nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from projections.model.behaviour import measures
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.clock import Clock
from tests.support.installation import Installation

START = datetime(2026, 5, 20, 10, tzinfo=UTC)
ORDERED = {"activity": "order", "aggregate": "count", "window": {"last_days": 1}, "operator": "at_least", "value": 1}
SEEN = {"activity": "order", "aggregate": "last_at", "operator": "in_last_days", "value": 3}


def record(installation: Installation, account: UUID, count: int) -> None:
    for number in range(count):
        activity = Activity("order", {"total": number})
        change = CustomerChange(f"p{number}", "activity", START, None, "/shop", f"f{number}", activity=activity)
        installation.rollcall.customers.change(account, [change])


def ask(installation: Installation, account: UUID, name: str, raw: Any) -> UUID:
    return installation.rollcall.segments.create(account, SegmentDraft(name, "", "dynamic", [raw])).id


def drain(worker: Worker) -> None:
    while worker.step():
        pass


def rows(installation: Installation, query: str) -> list[Any]:
    with installation.owner() as owner:
        return owner.execute(query).fetchall()


@pytest.fixture
def story(database_url: str) -> Any:
    clock = Clock(START)
    installation = Installation(database_url, clock.now)
    account = installation.account()
    record(installation, account, 5)
    yield installation, account, clock
    installation.close()


def test_a_measure_that_cannot_be_read_fails_the_segments_that_use_it_and_no_others(story: Any) -> None:
    installation, account, clock = story
    ask(installation, account, "Ordered", ORDERED)
    ask(installation, account, "Seen", SEEN)
    with installation.worker() as worker:
        drain(worker)
    with installation.owner() as owner:
        owner.execute("UPDATE measures SET definition = '{\"activity\": \"order\"}' WHERE definition->>'window' <> ''")
    clock.at += timedelta(days=4)
    with installation.worker() as worker:
        drain(worker)
        failed = rows(installation, "SELECT name, failure LIKE '%stored by another release%' FROM segments ORDER BY 1")
        assert failed == [("Ordered", True), ("Seen", None)]
        # Those who were last seen leave the other one, in time.
        assert (
            rows(installation, "SELECT name FROM segments s JOIN members m ON m.version_no = s.serving")
            == [("Ordered",)] * 5
        )
        drain(worker)
    assert rows(installation, "SELECT definition->>'aggregate' FROM measures") == [("last_at",)]


def test_a_fact_that_arrives_at_the_instant_at_which_another_falls_out_changes_nothing(story: Any) -> None:
    installation, account, clock = story
    ask(installation, account, "Ordered", ORDERED)
    with installation.worker() as worker:
        drain(worker)
        clock.at = START + timedelta(days=1)
        change = CustomerChange("p0", "activity", clock.at, None, "/shop", "again", activity=Activity("order", {}))
        installation.rollcall.customers.change(account, [change])
        worker.project_events()
        drain(worker)
    history = "SELECT joined, count(*) FROM membership_history GROUP BY 1 ORDER BY 1"
    assert rows(installation, history) == [(False, 4), (True, 5)]
    assert list(verify(installation.url)) == []


def test_the_index_rows_of_a_dropped_measure_go_in_chunks_and_are_not_in_the_way_of_a_new_one(story: Any) -> None:
    installation, account, _ = story
    seen = ask(installation, account, "Seen", SEEN)
    indexed = "SELECT count(*) FROM customer_instants WHERE key LIKE '#%'"
    with installation.worker() as worker:
        drain(worker)
        assert rows(installation, indexed) == [(5,)]
        installation.rollcall.segments.delete(account, seen, None)
        worker.project_events()
        for left in (3, 1):
            with worker.transaction():
                assert measures.purge(worker.connection, worker.reader.shards, 2)
            assert rows(installation, indexed) == [(left,)]
        ask(installation, account, "Seen again", SEEN)
        drain(worker)
        assert rows(installation, indexed) == [(5,)]
        assert rows(installation, "SELECT dropped FROM measures") == [(False,)]
    assert list(verify(installation.url)) == []
