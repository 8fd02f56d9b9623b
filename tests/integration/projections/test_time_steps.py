"""A midnight at which many leave passes in steps: whatever happens between two of them, each leaves exactly then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.model import time_steps
from projections.model.segments import fail as stop_evaluating
from projections.model.time_flips import NEVER
from projections.read import explanations, segments
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.clock import Clock
from tests.support.installation import Installation

NOON = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 21, 0, 0, tzinfo=UTC)
PEOPLE = 6
FLIPS = """
SELECT c.attributes->>'external_id', h.joined, h.at, h.cause, h.position
FROM membership_history h JOIN customers c USING (customer_no) JOIN segments s ON s.serving = h.version_no
WHERE s.name = 'Today' ORDER BY h.customer_no, h.position, h.at
"""
PUBLISHED = """
SELECT b.version_no, t.customer_no, t.position, t.at, t.joined, t.cause
FROM membership_change_blocks b
CROSS JOIN LATERAL unnest(b.customer_nos, b.positions, b.instants, b.joined, b.causes)
    AS t (customer_no, position, at, joined, cause)
"""
HAPPENED = """
SELECT h.version_no, h.customer_no, h.position, h.at, h.joined, h.cause
FROM membership_history h JOIN segments s ON s.serving = h.version_no
"""


@pytest.fixture(params=[0, NEVER], ids=["in SQL", "one by one"])
def midnight(
    installation: Installation, clock: Clock, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> UUID:
    """Noon: an account of customers who ordered today, in a segment that all of them leave at midnight."""
    monkeypatch.setattr(time_steps, "SET_BASED_FROM", request.param)
    account, rollcall = installation.account(timezone="UTC"), installation.rollcall
    rollcall.attributes.declare(account, "ordered", "date", None)
    for name, condition in (
        ("Today", {"attribute": "ordered", "operator": "in_period", "value": "today"}),
        ("VIP", {"attribute": "name", "operator": "equals", "value": "vip"}),
    ):
        rollcall.segments.create(account, SegmentDraft(name, "", "dynamic", [condition]))
    for number in range(PEOPLE):
        order(installation, account, number, NOON)
    with installation.worker() as worker:
        run_until_idle(worker)
    clock.at = MIDNIGHT.replace(hour=1)
    return account


def order(installation: Installation, account: UUID, number: int, at: datetime, name: str = "") -> None:
    data = CustomerData(name=name or None, attributes={"ordered": at.date().isoformat()})
    installation.rollcall.customers.change(account, [CustomerChange(f"c{number}", "changed", at, data)])


def begin(worker: Worker) -> None:
    """The day has begun, and no customer has left yet."""
    worker.chunk_size = 1
    assert worker.append_time_passed()
    assert worker.project_events()
    assert worker.is_filling()


def run_until_idle(worker: Worker) -> None:
    while worker.step():
        pass


def rows(installation: Installation, query: str) -> list[Any]:
    with installation.owner() as owner:
        return owner.execute(query).fetchall()


def left(installation: Installation) -> list[tuple[str, datetime]]:
    return [(who, at) for who, joined, at, cause, _ in rows(installation, FLIPS) if not joined and cause == "time"]


@pytest.mark.starts_at(NOON)
def test_a_worker_that_ends_between_two_steps_loses_and_doubles_nothing(
    installation: Installation, midnight: UUID
) -> None:
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
        worker.pass_time()
    assert len(left(installation)) == 2
    assert list(verify(installation.url)) == []
    with installation.worker() as another:
        run_until_idle(another)
    assert left(installation) == [(f"c{number}", MIDNIGHT) for number in range(PEOPLE)]
    assert list(verify(installation.url)) == []


@pytest.mark.starts_at(NOON)
def test_other_changes_are_handled_between_two_steps(installation: Installation, midnight: UUID, clock: Clock) -> None:
    """Of a customer who has left already, of one who is still to leave, and in another account."""
    other = installation.account("other")
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
        installation.rollcall.attributes.declare(other, "ordered", "date", None)
        for account, number in ((midnight, 0), (midnight, PEOPLE - 1), (other, 0)):
            order(installation, account, number, clock.at, name="vip")
        assert worker.project_events()
        assert worker.is_filling(), "time must still be passing"
        served = "SELECT count(*) FROM members m JOIN segments s ON s.serving = m.version_no WHERE s.name = 'VIP'"
        assert rows(installation, served) == [(2,)]
        assert rows(installation, "SELECT count(*) FROM customers WHERE name = 'vip'") == [(3,)]
        run_until_idle(worker)
    assert left(installation) == [(f"c{number}", MIDNIGHT) for number in range(PEOPLE)]
    assert len({position for *_, cause, position in rows(installation, FLIPS) if cause == "time"}) == 1
    back = [(who, at) for who, joined, at, cause, _ in rows(installation, FLIPS) if joined and at >= MIDNIGHT]
    assert back == [("c0", clock.at), (f"c{PEOPLE - 1}", clock.at)]
    assert list(verify(installation.url)) == []


@pytest.mark.starts_at(NOON)
def test_a_rebuild_between_two_steps_leaves_the_rest_to_the_worker(installation: Installation, midnight: UUID) -> None:
    """So that every change is published, and none twice."""
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
        order(installation, midnight, PEOPLE - 1, MIDNIGHT.replace(hour=1))
        worker.project_events()
    rebuild(installation.url, batch_size=2, chunk_size=4)
    assert len(left(installation)) == 2
    with installation.worker() as worker:
        run_until_idle(worker)
    assert left(installation) == [(f"c{number}", MIDNIGHT) for number in range(PEOPLE)]
    published = rows(installation, PUBLISHED)
    assert sorted(each for each in published if each[5] == "time") == sorted(
        each for each in rows(installation, HAPPENED) if each[5] == "time"
    )
    assert list(verify(installation.url)) == []


@pytest.mark.starts_at(NOON)
def test_an_edit_finds_everybody_as_of_its_own_instant(installation: Installation, midnight: UUID) -> None:
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
        ((segment,),) = rows(installation, "SELECT segment_id FROM segments WHERE name = 'Today'")
        yesterday = [{"attribute": "ordered", "operator": "in_period", "value": "yesterday"}]
        installation.rollcall.segments.edit(midnight, segment, SegmentEdit(filter=yesterday), None)
        assert worker.project_events()
        assert not any(account.passing for account in worker.model.accounts.values())
        run_until_idle(worker)
    assert [joined for _, joined, _, cause, _ in rows(installation, FLIPS) if cause == "edit"] == [True] * PEOPLE
    assert list(verify(installation.url)) == []


@pytest.mark.starts_at(NOON)
def test_an_explanation_is_as_of_the_customers_own_time(installation: Installation, midnight: UUID) -> None:
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
    ((segment_id,),) = rows(installation, "SELECT segment_id FROM segments WHERE name = 'Today'")
    ids = rows(installation, "SELECT customer_id FROM customers ORDER BY customer_no")
    with installation.database.transaction(midnight) as connection:
        segment = segments.by_id(connection, midnight, segment_id)
        assert segment is not None
        answers = [explanations.of_membership(connection, midnight, segment, each) for (each,) in ids]
    assert [bool(each and each.since) for each in answers] == [False] + [True] * (PEOPLE - 1)
    assert [bool(each and each.tree["result"]) for each in answers] == [False] + [True] * (PEOPLE - 1)


@pytest.mark.starts_at(NOON)
def test_a_segment_that_fails_meanwhile_keeps_its_last_members(installation: Installation, midnight: UUID) -> None:
    with installation.worker() as worker:
        begin(worker)
        worker.pass_time()
        account = worker.model.accounts[midnight]
        (today,) = [each for each in account.segments.values() if each.name == "Today"]
        stop_evaluating(worker.connection, account, today, "its filter cannot be read")
        run_until_idle(worker)
        assert account.passing is None
    assert left(installation) == [("c0", MIDNIGHT)]


@pytest.mark.starts_at(NOON)
def test_a_filter_of_more_conditions_than_a_row_has_columns_passes_midnight(
    installation: Installation, midnight: UUID, clock: Clock
) -> None:
    """By the segments that it names, which are written out."""
    clock.at = NOON
    ordered = {"attribute": "ordered", "operator": "in_period", "value": "today"}
    named: list[str] = []
    for part in range(20):
        others = [{"attribute": "name", "operator": "not_equals", "value": f"{part} {nth}"} for nth in range(99)]
        draft = SegmentDraft(f"Part {part}", "", "dynamic", [*others, ordered])
        named.append(str(installation.rollcall.segments.create(midnight, draft).id))
    asked = [{"attribute": "segment", "operator": "in", "value": named}]
    installation.rollcall.segments.create(midnight, SegmentDraft("Any part", "", "dynamic", asked))
    members = "SELECT members FROM segment_versions JOIN segments s ON s.serving = version_no WHERE s.name = 'Any part'"
    with installation.worker() as worker:
        run_until_idle(worker)
        assert rows(installation, members) == [(PEOPLE,)]
        clock.at = MIDNIGHT.replace(hour=1)
        run_until_idle(worker)
    assert rows(installation, members) == [(0,)]
    assert list(verify(installation.url)) == []
