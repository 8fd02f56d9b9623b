"""Searching a segment's members finds the same, in the same order, whether few customers match or many."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.read import customers, members, segments
from tests.support.installation import Installation


@pytest.mark.parametrize("query", ["ana", "a", "912 0000", "zebra", "ana 1"])
def test_a_search_finds_the_same_members_with_either_plan(
    installation: Installation, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = installation.account()
    installation.rollcall.attributes.declare(account_id, "plan", "text", None)
    gold = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
    segment_id = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", "", "dynamic", gold)).id
    for number in range(60):
        data = CustomerData(
            name=f"{('Ana', 'Rui', 'Anabela')[number % 3]} {number}",
            phone=f"+35191200{number:04d}",
            attributes={"plan": ("gold", "silver")[number % 5 == 0]},
        )
        change = CustomerChange(f"c{number}", "changed", installation.now(), data)
        installation.rollcall.customers.change(account_id, [change])
    installation.project()
    few = walked(installation, account_id, segment_id, query)
    monkeypatch.setattr(members, "FEW", 0)
    assert walked(installation, account_id, segment_id, query) == few
    assert (len(few) == 0) == (query == "zebra")


def walked(installation: Installation, account_id: UUID, segment_id: UUID, query: str) -> list[str]:
    """The names of all members found, page by page."""
    found: list[str] = []
    before: tuple[datetime, int] | None = None
    while True:
        with installation.database.transaction(account_id) as connection:
            segment = segments.by_id(connection, account_id, segment_id)
            assert segment is not None
            assert segment.serving is not None
            sought = members.seek(connection, customers.parse_search(connection, account_id, query))
            rows, _ = members.page(connection, account_id, segment.serving, sought, before=before, limit=7)
            total = members.count_if_few(connection, segment.serving, sought)
        if not rows:
            assert total in (None, len(found))
            return found
        found += [row.values["name"] for row, _ in rows]
        before = (rows[-1][1], rows[-1][0].customer_no)
