"""A store in memory: `domain.commands.log.LogStore` for tests of commands.

Checks everything first and stores all or nothing, as one transaction does; one thread at a time. What no command reads
is left out: an erasure does not empty earlier events. tests/integration/projections/test_log_store.py
tells the same story to this store and to the one over PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from domain.commands.customer_state import CustomerState
from domain.commands.log import MemberChanges, Writes
from domain.customer import DeadLetter
from domain.errors import SourceMoved
from domain.import_lines import ImportStep
from domain.jobs.job import JobStep
from domain.stored_events import (
    AttributeRemoved,
    CustomerChanged,
    CustomerDeleted,
    SegmentCreated,
    SegmentDeleted,
    SegmentFilterChanged,
)

CREATED, DELETED = SegmentCreated.type_name, SegmentDeleted.type_name
FILTER_TOPICS = {CREATED, DELETED, SegmentFilterChanged.type_name}


@dataclass
class StartedImport:
    """An import: the rows that are counted, and the erasures between its begin and its end."""

    rows_done: int = 0
    erasures: int = 0
    erased: set[str] = field(default_factory=set)
    finished: bool = False


class MemoryStore:
    """A log and the records beside it; the position of an event is its place in `log`, from 1."""

    def __init__(self) -> None:
        self.log: list[tuple[UUID, StoredEvent]] = []
        self.letters: list[tuple[UUID, DeadLetter]] = []
        self.steps: list[ImportStep] = []
        self.job_steps: list[JobStep] = []
        self._offsets: dict[str, int] = {}
        self._states: dict[tuple[UUID, UUID], tuple[int, bytes]] = {}
        self._members: set[tuple[UUID, UUID, UUID]] = set()
        self._imports: dict[tuple[UUID, UUID], StartedImport] = {}
        self._marks: set[UUID] = set()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        account_id: UUID = kwargs["account_id"]
        writes: Writes = kwargs["writes"] or Writes()
        self._check(account_id, stored_events, writes)
        for state, _ in writes.states:
            self._states[account_id, state.customer_id] = state.revision, state.dump()
        self._store_members(account_id, writes.members)
        self._marks |= set(writes.activity_marks)
        self.letters += [(account_id, letter) for letter in writes.dead_letters]
        self._offsets |= {each.name: each.offset for each in writes.tracking}
        for event in stored_events:
            if event.topic == CustomerDeleted.type_name:
                self._note_erasure(account_id, event.originator_id)
        self.log += [(account_id, event) for event in stored_events]
        if writes.import_step is not None:
            self._move_import(account_id, writes.import_step)
        if writes.job_step is not None:
            self.job_steps.append(writes.job_step)
        return range(len(self.log) - len(stored_events) + 1, len(self.log) + 1)

    def begin_import(self, account_id: UUID, import_id: UUID) -> None:
        self._imports[account_id, import_id] = StartedImport()

    def account_events(self, account_id: UUID, originator_id: UUID) -> Sequence[StoredEvent]:
        return [event for owner, event in self.log if (owner, event.originator_id) == (account_id, originator_id)]

    def stream_at(self, account_id: UUID, position: int) -> UUID | None:
        owner, event = self.log[position - 1] if 0 < position <= len(self.log) else (None, None)
        return event.originator_id if event is not None and owner == account_id else None  # type: ignore[return-value]

    def existing_segments(self, account_id: UUID, segment_ids: Iterable[UUID]) -> set[UUID]:
        topics = {each: {event.topic for event in self.account_events(account_id, each)} for each in segment_ids}
        return {each for each, seen in topics.items() if CREATED in seen and DELETED not in seen}

    def filters_position(self, account_id: UUID) -> int:
        log = enumerate(self.log, start=1)
        topics = {*FILTER_TOPICS, AttributeRemoved.type_name}
        return max((at for at, (owner, each) in log if owner == account_id and each.topic in topics), default=0)

    def filters_with(self, account_id: UUID, text: str) -> list[UUID]:
        newest: dict[Any, StoredEvent] = {}
        for owner, each in self.log:
            if owner == account_id and each.topic in FILTER_TOPICS:
                newest[each.originator_id] = each
        return [
            segment_id for segment_id, each in newest.items() if each.topic != DELETED and text.encode() in each.state
        ]

    def customer_states(self, account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
        kept = {each: self._states[account_id, each] for each in customer_ids if (account_id, each) in self._states}
        return {each: CustomerState.load(each, revision, dumped) for each, (revision, dumped) in kept.items()}

    def known_activities(self, account_id: UUID, marks: Sequence[UUID]) -> set[UUID]:
        return self._marks & set(marks)

    def existing_customers(self, account_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        return {each for each, state in self.customer_states(account_id, customer_ids).items() if state.exists}

    def static_members(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        return {each for each in customer_ids if (account_id, segment_id, each) in self._members}

    def customers_by_phone(self, account_id: UUID, phones: Sequence[str]) -> dict[str, UUID]:
        customers = self.customer_states(account_id, [each for owner, each in self._states if owner == account_id])
        oldest_last = sorted(customers.values(), key=lambda state: (state.created, state.customer_id), reverse=True)
        return {state.phone: state.customer_id for state in oldest_last if state.phone in set(phones)}

    def import_erasures(self, account_id: UUID, import_id: UUID, phones: Sequence[str]) -> tuple[int, set[str]]:
        running = self._imports.get((account_id, import_id), StartedImport())
        return running.erasures, running.erased & set(phones)

    def head(self) -> int:
        return len(self.log)

    def tracked_offset(self, name: str) -> int | None:
        return self._offsets.get(name)

    def _check(self, account_id: UUID, stored_events: Sequence[StoredEvent], writes: Writes) -> None:
        for tracking in writes.tracking:
            if self._offsets.get(tracking.name) != tracking.previous:
                raise SourceMoved(tracking.name)
        taken = {(event.originator_id, event.originator_version) for _, event in self.log}
        fresh = [(event.originator_id, event.originator_version) for event in stored_events]
        stale = (
            len(taken.union(fresh)) != len(taken) + len(fresh)
            or any(
                before != self._states.get((account_id, state.customer_id), (0, b""))[0]
                for state, before in writes.states
            )
            or (writes.filters_as_of is not None and self.filters_position(account_id) > writes.filters_as_of)
            or bool(self._marks & set(writes.activity_marks))
            or self._is_stale_member(account_id, writes)
            or (writes.import_step is not None and self._is_stale_step(account_id, writes.import_step))
        )
        if stale:
            raise IntegrityError("decided on stale data")

    def _is_stale_member(self, account_id: UUID, writes: Writes) -> bool:
        changes, segment_id = writes.members, writes.members.segment_id
        there = {each for owner, segment, each in self._members if (owner, segment) == (account_id, segment_id)}
        exist = self.existing_customers(account_id, changes.added) | {state.customer_id for state, _ in writes.states}
        return bool(there & set(changes.added)) or not exist >= set(changes.added) or not there >= set(changes.removed)

    def _is_stale_step(self, account_id: UUID, step: ImportStep) -> bool:
        running = self._imports.get((account_id, step.import_id))
        if running is None or running.finished:
            return True
        return (running.rows_done, running.erasures) != (step.before, step.erasures)

    def _store_members(self, account_id: UUID, changes: MemberChanges) -> None:
        gone = set(changes.deleted)
        self._members = {each for each in self._members if each[0] != account_id or each[2] not in gone}
        if changes.segment_id is not None:
            self._members |= {(account_id, changes.segment_id, each) for each in changes.added}
            self._members -= {(account_id, changes.segment_id, each) for each in changes.removed}

    def _note_erasure(self, account_id: UUID, customer_id: Any) -> None:
        changes = self.account_events(account_id, customer_id)
        values = [json.loads(each.state)["values"] for each in changes if each.topic == CustomerChanged.type_name]
        phones = {each["phone"] for each in values if each.get("phone")}
        for (owner, _), running in self._imports.items():
            if owner == account_id and phones and not running.finished:
                running.erasures += 1
                running.erased |= phones

    def _move_import(self, account_id: UUID, step: ImportStep) -> None:
        self.steps.append(step)
        started = self._imports[account_id, step.import_id]
        started.rows_done += step.counts.lines
        if step.finished:
            started.finished, started.erased = True, set()
