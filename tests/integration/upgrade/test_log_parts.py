"""The log in parts: streams and reads go across them, an append never lacks one, an old one can be set aside."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError

from domain.customer import customer_id_of
from domain.errors import Refused
from domain.segment import SegmentDraft, SegmentEdit
from domain.stored_events import SegmentDetailsChanged
from projections.records.log_parts import log_parts, set_aside, take_back
from projections.worker.checkpoint import checkpoint_position, make_checkpoint
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
    finish(installation)
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


def test_an_old_part_is_set_aside_and_taken_back(installation: Installation, account: UUID) -> None:
    url = installation.url
    for each in ("ana", "bea"):
        customer(installation, account, each, "gold", name="Maria of old", phone=f"+35191000000{len(each)}")
    gold = installation.rollcall.segments.create(account, SegmentDraft("Gold", "", "dynamic", PLANS)).id
    customer(installation, account, "ana", "gold", name="Maria again")
    draw(installation, 10_000_000)
    customer(installation, account, "bea", "silver")
    with pytest.raises(Refused, match="the read model is at"):
        set_aside(url, 1, checkpoint_position(url))
    finish(installation)
    with pytest.raises(Refused, match="no checkpoint"):
        set_aside(url, 1, checkpoint_position(url))
    make_checkpoint(url)
    table = set_aside(url, 1, checkpoint_position(url))

    # The segment, its members and the customers' ids are there; the second change of a customer is not.
    live = read_model(url)
    assert installation.rollcall.log.store.existing_segments(account, [gold]) == {gold}
    assert "Maria again" not in whole_log(installation)
    assert list(verify(url)) == []
    with pytest.raises(Refused, match="take-back 1"):
        rebuild(url)
    rebuild(url, from_checkpoint=True)
    assert read_model(url) == live

    # Erased while the part is away: not in what is taken back.
    installation.rollcall.customers.erase(account, [customer_id_of(account, "ana")])
    finish(installation)
    with installation.owner() as owner:
        owner.execute(f"ALTER TABLE rollcall.{table} RENAME TO elsewhere".encode())
    with pytest.raises(Refused, match="restore the table"):
        take_back(url, 1)
    with installation.owner() as owner:
        owner.execute(f"ALTER TABLE rollcall.elsewhere RENAME TO {table}".encode())
    assert take_back(url, 1) == 2
    assert whole_log(installation).count("Maria") == 1
    live = read_model(url)
    rebuild(url)
    assert read_model(url) == live
    assert [part.set_aside for part in log_parts(url)] == [None, None]


def whole_log(installation: Installation) -> str:
    """What all events say, as the worker reads them."""
    with installation.owner() as owner:
        row = owner.execute("SELECT string_agg(convert_from(state, 'UTF8'), ' ') FROM stored_events").fetchone()
    assert row is not None
    return str(row[0])


def finish(installation: Installation) -> None:
    with installation.worker() as worker:
        while worker.step():
            continue
