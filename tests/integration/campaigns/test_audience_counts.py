"""A frozen audience is counted whichever way its copy is completed."""

from __future__ import annotations

from uuid import UUID

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.worker.worker import Worker
from tests.support.clock import Clock
from tests.support.installation import Installation

RECENT = [{"attribute": "seen", "operator": "in_last_hours", "value": 1}]


def freeze_recent(installation: Installation, account: UUID, worker: Worker) -> None:
    """A segment that its three members will leave as time passes, and an audience of it that is not copied yet."""
    rollcall, started = installation.rollcall, installation.now()
    rollcall.attributes.declare(account, "seen", "datetime", None)
    recent = rollcall.segments.create(account, SegmentDraft("Recent", "", "dynamic", RECENT)).id
    for number in range(3):
        data = CustomerData(phone=f"+35191234567{number}", attributes={"seen": started.isoformat()})
        rollcall.customers.change(account, [CustomerChange(f"c{number}", "changed", started, data)])
    while worker.step():
        continue
    campaign = rollcall.campaigns.create(account, CampaignDraft("Sale", [recent], [])).id
    rollcall.campaigns.freeze(account, campaign)


def test_an_audience_that_passing_time_completes_is_counted(installation: Installation, clock: Clock) -> None:
    """Time passes after the first chunk, for an event that others follow: first, the worker copies all that is left."""
    rollcall, account = installation.rollcall, installation.account()
    other = rollcall.segments.create(account, SegmentDraft("Other")).id
    with installation.worker() as worker:
        freeze_recent(installation, account, worker)
        worker.chunk_size = 1
        worker.step()
        assert worker.is_filling(), "the audience must not be copied yet"
        clock.passes(hours=2)
        rollcall.segments.delete(account, other, None)
        worker.project_events()
        assert not worker.is_filling()
        while worker.step():
            continue
    with installation.owner() as owner:
        assert owner.execute("SELECT counted, recipients FROM audiences").fetchall() == [(True, 3)]
    installation.close()


def test_time_that_passes_waits_for_an_audience_that_is_being_copied(installation: Installation, clock: Clock) -> None:
    account = installation.account()
    with installation.worker() as worker:
        freeze_recent(installation, account, worker)
        worker.project_events()
        clock.passes(hours=2)
        worker.append_time_passed()
        worker.project_events()
        assert not worker.pass_time(), "the audience must not be copied yet"
        while worker.step():
            continue
    with installation.owner() as owner:
        assert owner.execute("SELECT counted, recipients FROM audiences").fetchall() == [(True, 3)]
        assert owner.execute("SELECT count(*) FROM members").fetchall() == [(0,)]
    installation.close()
