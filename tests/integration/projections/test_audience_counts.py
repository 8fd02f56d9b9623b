"""A frozen audience is counted whichever way its copy is completed."""

from __future__ import annotations

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from tests.support.clock import Clock
from tests.support.installation import Installation

RECENT = [{"attribute": "seen", "operator": "in_last_hours", "value": 1}]


def test_an_audience_that_passing_time_completes_is_counted(installation: Installation, clock: Clock) -> None:
    """Time passes after the first chunk; before it flips members, the worker copies all that is left."""
    rollcall, started = installation.rollcall, installation.now()
    account = installation.account()
    rollcall.attributes.declare(account, "seen", "datetime", None)
    recent = rollcall.segments.create(account, SegmentDraft("Recent", "", "dynamic", RECENT)).id
    for number in range(3):
        data = CustomerData(phone=f"+35191234567{number}", attributes={"seen": started.isoformat()})
        rollcall.customers.change(account, [CustomerChange(f"c{number}", "changed", started, data)])
    with installation.worker() as worker:
        while worker.step():
            continue
        campaign = rollcall.campaigns.create(account, CampaignDraft("Sale", [recent], [])).id
        rollcall.campaigns.freeze(account, campaign)
        worker.chunk_size = 1
        worker.step()
        assert worker.is_filling(), "the audience must not be copied yet"
        clock.passes(hours=2)
        worker.append_time_passed()
        worker.project_events()
        assert not worker.is_filling()
        while worker.step():
            continue
    with installation.owner() as owner:
        assert owner.execute("SELECT counted, recipients FROM audiences").fetchall() == [(True, 3)]
    installation.close()
