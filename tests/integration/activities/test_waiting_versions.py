"""A filter that waits until what it asks of behaviour is known: its segment goes on by the filter before."""

from __future__ import annotations

from typing import Any

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.installation import Installation
from tests.support.read_model import read_model

GOLD = [{"attribute": "name", "operator": "equals", "value": "gold"}]
ORDERED = {"activity": "order", "aggregate": "count", "operator": "at_least", "value": 1}
EVERYBODY = [{"attribute": "created_at", "operator": "is_set"}]
# By version and the newest version beside it: rows of the history, less what the days count.
WRONG = """
SELECT version_no, beside, sum(joins), sum(leaves)
FROM (SELECT h.version_no, newest_beside(v.segment_no, h.version_no, h.position) AS beside,
             h.joined::int AS joins, (NOT h.joined)::int AS leaves
      FROM membership_history h
      JOIN segment_versions v USING (version_no)
      UNION ALL
      SELECT version_no, beside, -joins, -leaves FROM segment_days) AS t
GROUP BY 1, 2
HAVING sum(joins) <> 0 OR sum(leaves) <> 0
"""


def named(installation: Installation, number: int, name: str) -> CustomerChange:
    return CustomerChange(f"c{number}", "changed", installation.now(), CustomerData(name=name))


def test_days_of_a_segment_that_waited_are_right_when_those_who_moved_meanwhile_are_erased(
    installation: Installation,
) -> None:
    account, rollcall = installation.account("waiting"), installation.rollcall
    first = CustomerChange("c0", "activity", installation.now(), activity=Activity("order", {}))
    rollcall.customers.change(account, [first, *(named(installation, number, "gold") for number in range(20))])
    segment = rollcall.segments.create(account, SegmentDraft("Buyers", "", "dynamic", GOLD))
    installation.project()
    with installation.worker() as worker:
        rollcall.segments.edit(account, segment.id, SegmentEdit(filter=ORDERED), None)
        worker.project_events()
        (state,) = worker.model.accounts[account].segments.values()
        assert state.waits_for
        rollcall.customers.change(account, [named(installation, number, "silver") for number in range(15)])
        worker.project_events()
        assert state.waits_for
        while worker.step():
            continue
    rollcall.customers.change(
        account, [CustomerChange(f"c{number}", "deleted", installation.now()) for number in range(10)]
    )
    installation.project()
    with installation.owner() as owner:
        assert owner.execute(WRONG).fetchall() == []
    assert list(verify(installation.url)) == []
    live = read_model(installation.url)
    rebuild(installation.url)
    assert read_model(installation.url) == live


@pytest.mark.parametrize("filters", [[ORDERED], [ORDERED, EVERYBODY], [EVERYBODY, ORDERED]])
def test_who_waits_for_a_filter_never_sees_the_one_before(installation: Installation, filters: list[Any]) -> None:
    """Also where its version is begun again once behaviour is known, or another edit takes its place."""
    account, rollcall = installation.account("waiting"), installation.rollcall
    first = CustomerChange("c0", "activity", installation.now(), activity=Activity("order", {}))
    rollcall.customers.change(account, [first])
    key = installation.key(account)
    installation.project()
    with installation.worker() as worker, installation.open_api(key, own_write_wait=0, lag_wait=0.1) as client:
        made = client.post("/v1/segments", json={"name": "Buyers", "type": "dynamic", "filter": filters[0]})
        path, wanted = made.headers["Location"], {"min_position": made.headers["Rollcall-Position"]}
        answers = [client.get(f"{path}/members", params=wanted)]
        worker.step()
        for edited in filters[1:]:
            client.patch(path, json={"filter": edited}).raise_for_status()
        while worker.step():
            answers.append(client.get(f"{path}/members", params=wanted))
        assert (answers[0].status_code, answers[-1].status_code) == (504, 200)
        served = [answer.json()["data"] for answer in answers if answer.status_code == 200]
        assert [[row["external_id"] for row in rows] for rows in served] == [["c0"]] * len(served)
