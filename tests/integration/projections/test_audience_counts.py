"""A frozen audience is counted whichever way its copy is completed."""

from __future__ import annotations

from datetime import timedelta

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from tests.support.installation import Installation

RECENT = [{"attribute": "seen", "operator": "in_last_hours", "value": 1}]


def test_an_audience_that_passing_time_completes_is_counted(installation: Installation) -> None:
    """Time passes after the first chunk; before it flips members, the worker copies all that is left."""
    rollcall = installation.rollcall
    clock = [installation.now()]
    rollcall.now = lambda: clock[0]
    account = installation.account()
    rollcall.declare_attribute(account, "seen", "datetime", None)
    recent = rollcall.create_segment(account, SegmentDraft("Recent", "", "dynamic", RECENT)).id
    for number in range(3):
        data = CustomerData(phone=f"+35191234567{number}", attributes={"seen": clock[0].isoformat()})
        rollcall.change_customers(account, [CustomerChange(f"c{number}", "changed", clock[0], data)])
    with installation.worker() as worker:
        while worker.step():
            continue
        campaign = rollcall.create_campaign(account, CampaignDraft("Sale", [recent], [])).id
        rollcall.freeze_audience(account, campaign)
        worker.chunk_size = 1
        worker.step()
        assert worker.is_filling(), "the audience must not be copied yet"
        clock[0] += timedelta(hours=2)
        worker.append_time_passed()
        worker.project_events()
        assert not worker.is_filling()
        while worker.step():
            continue
    with installation.owner() as owner:
        assert owner.execute("SELECT counted, recipients FROM audiences").fetchall() == [(True, 3)]
