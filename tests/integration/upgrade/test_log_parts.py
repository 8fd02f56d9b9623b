"""The log in parts: streams and reads go across them, and an append never lacks one."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError

from domain.segment import SegmentDraft, SegmentEdit
from domain.stored_events import SegmentDetailsChanged
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.campaigns import customer
from tests.support.installation import Installation
from tests.support.read_model import read_model

PLANS = [{"attribute": "plans", "operator": "includes_any", "value": ["gold"]}]


@pytest.fixture
def account(installation: Installation) -> UUID:
    return installation.account()


def draw(installation: Installation, position: int) -> None:
    """Let the next event have the position after this one."""
    with installation.owner() as owner:
        owner.execute("SELECT setval('log_positions', %s)", [position])


def parts(installation: Installation) -> list[tuple[int, int]]:
    """Each part that has events, by its first position, and how many."""
    with installation.owner() as owner:
        return owner.execute(
            "SELECT first_position, count(*) FROM log_parts JOIN stored_events"
            " ON notification_id BETWEEN first_position AND last_position GROUP BY 1 ORDER BY 1"
        ).fetchall()


def test_streams_go_on_in_the_next_part_and_everything_reads_across(installation: Installation, account: UUID) -> None:
    r = installation.rollcall
    customer(installation, account, "ana", "gold")
    gold = r.segments.create(account, SegmentDraft("Gold", "", "dynamic", PLANS)).id
    draw(installation, 9_999_998)
    for each in ("bea", "cleo", "dora"):
        customer(installation, account, each, "gold")
    draw(installation, 57_000_000)
    r.segments.edit(account, gold, SegmentEdit(name="Golden"), expected=1)
    customer(installation, account, "ana", "silver")
    assert [first for first, _ in parts(installation)] == [1, 10_000_001, 50_000_001]
    with installation.worker() as worker:
        while worker.step():
            continue
    assert list(verify(installation.url)) == []
    live = read_model(installation.url)
    assert live["counts"] == [(live["counts"][0][0], 3)]
    rebuild(installation.url)
    assert read_model(installation.url) == live
    assert [each.originator_version for each in r.log.store.account_events(account, gold)] == [1, 2]
    assert r.log.store.existing_segments(account, [gold]) == {gold}


def test_a_version_is_stored_once_though_its_stream_is_in_two_parts(installation: Installation, account: UUID) -> None:
    log = installation.rollcall.log
    segment = installation.rollcall.segments.create(account, SegmentDraft("Gold")).id
    draw(installation, 10_000_000)

    def rename(version: int) -> None:
        envelope = log.envelope(account, segment, version)
        log.append(account, [SegmentDetailsChanged(**envelope, name="Golden", description="")])

    rename(1)
    for taken in (0, 1):
        with pytest.raises(IntegrityError):
            rename(taken)
    rename(2)
    assert [first for first, _ in parts(installation)] == [1, 10_000_001]


def test_parts_are_made_ahead(installation: Installation, account: UUID) -> None:
    draw(installation, 10_999_997)
    customer(installation, account, "ana")
    customer(installation, account, "bea")
    with installation.owner() as owner:
        assert owner.execute("SELECT max(first_position) FROM log_parts").fetchone() == (20_000_001,)
