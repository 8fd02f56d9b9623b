"""Filters that ask more of behaviour than a row has columns for."""

from __future__ import annotations

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from projections.model.predicates import measures
from projections.worker.verify import verify
from tests.support.installation import Installation


def times(activity: str, value: int) -> dict[str, object]:
    return {"activity": activity, "aggregate": "count", "operator": "at_least", "value": value}


def test_those_who_did_only_what_is_beyond_the_columns_are_members_from_the_start(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "MOST_COLUMNS", 1)
    account, rollcall = installation.account("many"), installation.rollcall
    facts = [("ana", "visit"), ("bea", "order"), ("rui", "visit"), ("rui", "order")]
    rollcall.customers.change(
        account,
        [CustomerChange(who, "activity", installation.now(), activity=Activity(did, {})) for who, did in facts],
    )
    never_ordered = {"all": [{"not": times("order", 1)}, times("visit", 1)]}
    rollcall.segments.create(account, SegmentDraft("Only looked", "", "dynamic", never_ordered))
    with installation.worker() as worker:
        while worker.step():
            continue
    with installation.owner() as owner:
        found = owner.execute(
            "SELECT c.attributes->>'external_id' FROM members m JOIN customers c USING (customer_no)"
        ).fetchall()
    assert found == [("ana",)]
    assert list(verify(installation.url)) == []
