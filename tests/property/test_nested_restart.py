"""A worker that starts anew between the edit of a segment and the refresh of one that names it knows what it served."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.installation import Installation


def equals(value: str) -> list[Any]:
    return [{"attribute": "x", "operator": "equals", "value": value}]


def test_a_served_version_keeps_its_meaning_after_a_restart(database_url: str) -> None:
    clock = [datetime(2027, 1, 1, tzinfo=UTC)]
    installation = Installation(database_url, lambda: clock[0])
    account, rollcall = installation.account(), installation.rollcall
    rollcall.attributes.declare(account, "x", "text", None)

    def change(who: str, value: str) -> None:
        clock[0] += timedelta(seconds=1)
        data = CustomerData(attributes={"x": value})
        rollcall.customers.change(account, [CustomerChange(who, "changed", clock[0], data)])

    inner = rollcall.segments.create(account, SegmentDraft("inner", "", "dynamic", equals("a"))).id
    named = [{"attribute": "segment", "operator": "in", "value": [str(inner)]}]
    rollcall.segments.create(account, SegmentDraft("outer", "", "dynamic", named))
    change("a", "a")
    change("b", "b")
    with installation.worker() as worker:
        while worker.step():
            pass
    rollcall.segments.edit(account, inner, SegmentEdit(filter=equals("b")), None)
    with installation.worker() as worker:
        worker.project_events()
    assert list(verify(database_url)) == []
    change("a", "c")
    change("b", "a")
    with installation.worker() as worker:
        worker.project_events()
        assert list(verify(database_url)) == []
        while worker.step():
            pass
    assert list(verify(database_url)) == []
    before = _history(installation)
    assert [row[4] for row in before if row[5] == "change"].count(False) >= 1
    rebuild(database_url)
    assert _history(installation) == before
    installation.close()


def _history(installation: Installation) -> list[Any]:
    with installation.owner() as owner:
        return owner.execute(
            "SELECT * FROM membership_history ORDER BY customer_no, version_no, position, at, joined"
        ).fetchall()
