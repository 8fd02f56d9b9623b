"""A worker that runs at the very instant of a flip makes it: neither a microsecond before nor one later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft
from projections.worker.worker import Worker
from tests.support.clock import Clock
from tests.support.installation import Installation

NOON = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The condition, how long after the value it flips, and whether the customer is a member from then on.
FLIPS = [
    ("in_last_hours", 1, timedelta(hours=1), False),
    ("in_last_days", 1, timedelta(days=1), False),
    ("in_next_hours", 1, timedelta(hours=-1), True),
    ("more_than_days_ago", 1, timedelta(days=1), True),
]


@pytest.mark.starts_at(NOON)
@pytest.mark.parametrize(("operator", "operand", "after", "joins"), FLIPS)
def test_a_customer_joins_or_leaves_at_the_very_instant(
    installation: Installation, clock: Clock, operator: str, operand: int, after: timedelta, joins: bool
) -> None:
    account, rollcall = installation.account(), installation.rollcall
    ana = customer_id_of(account, "ana")
    rollcall.attributes.declare(account, "seen", "datetime", None)
    condition = {"attribute": "seen", "operator": operator, "value": operand}
    segment = rollcall.segments.create(account, SegmentDraft("Moving", "", "dynamic", [condition])).id
    seen = NOON + timedelta(hours=2)
    seen_text = CustomerData(attributes={"seen": seen.isoformat()})
    rollcall.customers.change(account, [CustomerChange("ana", "changed", NOON, seen_text)])
    with installation.worker() as worker:
        run_until_idle(worker)
        clock.at = seen + after - MICROSECOND
        run_until_idle(worker)
        before = history(installation, segment)
        assert is_member(installation, segment, ana) is not joins

        clock.at = seen + after
        run_until_idle(worker)
    assert is_member(installation, segment, ana) is joins
    assert history(installation, segment) == [*before, (joins, seen + after)]


def run_until_idle(worker: Worker) -> None:
    while worker.step():
        pass


def is_member(installation: Installation, segment: UUID, customer: UUID) -> bool:
    with installation.owner() as owner:
        found = owner.execute(
            "SELECT FROM members m JOIN customers c USING (customer_no) JOIN segments s ON s.serving = m.version_no "
            "WHERE s.segment_id = %s AND c.customer_id = %s",
            [segment, customer],
        )
        return found.rowcount == 1


def history(installation: Installation, segment: UUID) -> list[tuple[bool, datetime]]:
    with installation.owner() as owner:
        return owner.execute(
            "SELECT h.joined, h.at FROM membership_history h JOIN segments s ON s.serving = h.version_no "
            "WHERE s.segment_id = %s ORDER BY h.position, h.at",
            [segment],
        ).fetchall()
