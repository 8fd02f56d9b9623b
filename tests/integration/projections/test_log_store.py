"""The store in memory, on which commands are tested, answers as the one over PostgreSQL does.

That one also gives each event its effective time, which never runs back, whatever the writers' clocks say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError

from domain.account import account_id_of
from domain.commands.customer_state import CustomerState
from domain.commands.log import Log, LogStore, MemberChanges, Tracking, Writes
from domain.errors import RollcallError
from domain.import_lines import Counts, ImportStep
from domain.instants import micros
from domain.stored_events import (
    CustomerChanged,
    CustomerDeleted,
    Event,
    SegmentCreated,
    SegmentDeleted,
    SegmentFilterChanged,
)
from projections.records import imports
from projections.records.event_store import EventStore
from tests.support.clock import Clock
from tests.support.commands.memory_store import MemoryStore
from tests.support.installation import Installation

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
MINE, OTHERS = account_id_of("mine"), account_id_of("others")
ANA, EVA, BOB = (uuid5(MINE, name) for name in ("ana", "eva", "bob"))
GOLD, LIST, CSV = (uuid5(MINE, name) for name in ("gold", "list", "csv"))
PHONE, OTHER_PHONE = "+351912345678", "+351912345679"
OF_AN_EARLIER_VERSION = (
    "INSERT INTO stored_events (account_id, originator_id, originator_version, topic, state)"
    " SELECT account_id, gen_random_uuid(), 1, topic, state FROM stored_events LIMIT 1"
)


def test_both_stores_hold_the_same_after_the_same_commands(installation: Installation) -> None:
    def begin_import(account_id: UUID, import_id: UUID) -> None:
        sent = imports.NewImport(import_id, LIST, "a.csv")
        imports.begin(installation.database, account_id, sent, BytesIO(b""), NOW)

    real = EventStore(installation.url, "rollcall_worker", size=1)
    memory = MemoryStore()
    try:
        assert story(real, begin_import) == story(memory, memory.begin_import)
    finally:
        real.close()


@pytest.mark.starts_at(NOW)
def test_an_event_is_no_earlier_than_the_one_before_it_in_any_account(installation: Installation, clock: Clock) -> None:
    installation.account("first")
    clock.passes(hours=-1)
    installation.account("second")
    clock.passes(hours=2)
    installation.rollcall.attributes.declare(account_id_of("second"), "vip", "boolean", None)
    with installation.owner() as owner:
        times = owner.execute("SELECT effective_at FROM stored_events ORDER BY notification_id").fetchall()
    assert times == [(micros(NOW),), (micros(NOW),), (micros(NOW + timedelta(hours=1)),)]


def test_a_writer_of_an_earlier_version_is_refused_in_one_sentence(installation: Installation) -> None:
    installation.account()
    with installation.owner() as owner, pytest.raises(psycopg.errors.OperatorIntervention) as refused:
        owner.execute(OF_AN_EARLIER_VERSION)
    assert refused.value.diag.message_primary == (
        "this database was migrated to a newer version of Rollcall: start that version instead"
    )


def story(store: LogStore, begin_import: Callable[[UUID, UUID], None]) -> list[Any]:
    """What a store answers to the same appends; what it refuses leaves no trace."""
    log = Log(store, lambda: NOW)
    answers: list[Any] = []
    # PostgreSQL draws positions for refused events too: what counts is the order of those that are stored.
    positions = [0]

    def append(events: list[Event], writes: Writes | None = None, account_id: UUID = MINE) -> None:
        try:
            last = log.append(account_id, events, writes)
            positions.extend(range(last - len(events) + 1, last + 1))
            answers.append("stored")
        except (IntegrityError, RollcallError) as refused:
            answers.append(type(refused).__name__)
        answers.append(positions.index(store.head()))
        answers.append([positions.index(store.filters_position(each)) for each in (MINE, OTHERS)])
        answers.append(seen(store))

    # Streams, one per aggregate, and what an account does not see of another.
    append([created(GOLD, version=0), created(LIST, version=0)])
    append([created(GOLD, version=0)])
    append([filtered(GOLD, version=1), filtered(GOLD, version=1)])
    append([filtered(GOLD, version=1)], Writes(filters_as_of=store.filters_position(MINE) - 1))
    append([filtered(GOLD, version=1)], Writes(filters_as_of=store.filters_position(MINE)))
    append([created(uuid5(OTHERS, "x"), version=0, account_id=OTHERS)], account_id=OTHERS)
    # Customers: only from the revision that was read.
    append([changed(ANA, 0)], Writes([(state(ANA, 1, PHONE), 0)]))
    append([changed(BOB, 0)], Writes([(state(BOB, 1, PHONE), 0), (state(ANA, 2, PHONE), 0)]))
    append([changed(BOB, 0)], Writes([(state(BOB, 1, PHONE, created=5), 0), (state(ANA, 2, PHONE, created=9), 1)]))
    append([], Writes([(state(ANA, 4, PHONE), 3)]))
    # The position of a source.
    append([], Writes(tracking=[Tracking("t:0", 9, None)]))
    append([], Writes(tracking=[Tracking("t:0", 12, None)]))
    append([], Writes(tracking=[Tracking("t:0", 12, 8)]))
    append([], Writes(tracking=[Tracking("t:0", 12, 9)]))
    append([], Writes(tracking=[Tracking("t:1", 12, 9)]))
    # Members: an added one exists and is not in, a removed one is.
    append([], Writes(members=MemberChanges(LIST, added=[ANA, BOB])))
    append([], Writes(members=MemberChanges(LIST, added=[ANA])))
    append([], Writes(members=MemberChanges(LIST, added=[EVA])))
    append([], Writes(members=MemberChanges(LIST, removed=[BOB])))
    append([], Writes(members=MemberChanges(LIST, removed=[BOB])))
    append([changed(EVA, 0)], Writes([(state(EVA, 1, None), 0)], members=MemberChanges(LIST, added=[EVA])))
    # An import moves on from where it is, and not past an erasure that it did not see.
    append([], Writes(import_step=step(before=0, rows=3)))
    begin_import(MINE, CSV)
    append([], Writes(import_step=step(before=1, rows=3)))
    append([], Writes(import_step=step(before=0, rows=3)))
    gone = state(ANA, 3, None, exists=False)
    append([deleted(ANA, 1)], Writes([(gone, 2)], members=MemberChanges(deleted=[ANA])))
    append([], Writes(import_step=step(before=3, rows=1)))
    append([], Writes(import_step=step(before=3, rows=1, erasures=1, finished=True)))
    append([], Writes(import_step=step(before=4, rows=1, erasures=1)))
    append([log_deleted(GOLD, 2)])
    return answers


def seen(store: LogStore) -> list[Any]:
    """Everything else that a command could read."""
    customers = [ANA, EVA, BOB]
    return [
        [[each.originator_version for each in store.account_events(MINE, one)] for one in (GOLD, LIST, ANA)],
        store.account_events(OTHERS, GOLD),
        store.existing_segments(MINE, [GOLD, LIST, ANA]),
        store.customer_states(MINE, customers),
        store.customer_states(OTHERS, customers),
        store.existing_customers(MINE, customers),
        [store.static_members(account_id, LIST, customers) for account_id in (MINE, OTHERS)],
        store.customers_by_phone(MINE, [PHONE, OTHER_PHONE]),
        store.import_erasures(MINE, CSV, [PHONE, OTHER_PHONE]),
        [store.tracked_offset(name) for name in ("t:0", "t:1")],
    ]


def envelope(originator_id: UUID, version: int, account_id: UUID = MINE) -> dict[str, Any]:
    return {
        "originator_id": originator_id,
        "originator_version": version + 1,
        "account_id": account_id,
        "recorded_at": NOW,
    }


def created(segment_id: UUID, version: int, account_id: UUID = MINE) -> Event:
    return SegmentCreated(**envelope(segment_id, version, account_id), name="S", description="", type="dynamic")


def filtered(segment_id: UUID, version: int) -> Event:
    return SegmentFilterChanged(**envelope(segment_id, version), filter=[])


def log_deleted(segment_id: UUID, version: int) -> Event:
    return SegmentDeleted(**envelope(segment_id, version))


def changed(customer_id: UUID, version: int) -> Event:
    return CustomerChanged(**envelope(customer_id, version), occurred_at=NOW, values={"phone": PHONE}, created=True)


def deleted(customer_id: UUID, version: int) -> Event:
    return CustomerDeleted(**envelope(customer_id, version), occurred_at=NOW)


def state(
    customer_id: UUID, revision: int, phone: str | None, *, created: int = 1, exists: bool = True
) -> CustomerState:
    packed: dict[str, list[Any]] = {"phone": [phone, 1]} if phone else {}
    return CustomerState(customer_id, exists=exists, revision=revision, created=created, packed=packed)


def step(*, before: int, rows: int, erasures: int = 0, finished: bool = False) -> ImportStep:
    return ImportStep(CSV, before, erasures, Counts(added=rows), [], 50, ["phone"], finished, NOW)
