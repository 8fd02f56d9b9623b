"""A log that grows by a plan, with a worker that keeps up or does not, and the oracle that follows every step.

What the oracle expects comes from the requests alone; of the log it takes the positions and recorded times only.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.errors import Invalid
from domain.segment import KEEP, SegmentDraft, SegmentEdit
from projections.postgres.database import worker_sessions
from projections.records.event_store import EventStore
from projections.worker.log_writer import LiveWriter
from projections.worker.rebuild import rebuild
from projections.worker.worker import Worker
from tests.support.oracles import oracle
from tests.support.oracles.story import Story, effective
from tests.support.postgres import unique_name

START = datetime(2026, 5, 20, 10, tzinfo=UTC)
ZONES = ("Europe/Lisbon", "Asia/Tokyo")
# Segments that ever had one of these follow time, which this oracle does not: they are compared with their replay only.
MOVING = ("in_last_days", "in_next_hours", "in_period", "anniversary_in_period")


@contextmanager
def fresh_database(postgres_url: str, template: str) -> Iterator[str]:
    """The owner's address of a migrated database that is gone afterwards."""
    name = unique_name()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield make_conninfo(postgres_url, dbname=name)
        finally:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass
class Ledger:
    """What the oracle knows of one account: its customers, and what each event of the log has to be about."""

    account_id: UUID
    zone: ZoneInfo
    naive: oracle.Account = field(default_factory=oracle.Account)
    effects: dict[UUID, deque[dict[str, Any] | None]] = field(default_factory=dict)
    filters: dict[UUID, deque[Any]] = field(default_factory=dict)
    timed: set[UUID] = field(default_factory=set)
    segments: list[UUID] = field(default_factory=list)
    current: dict[UUID, Any] = field(default_factory=dict)


@dataclass
class ScriptedLog:
    """One database, the application, a worker that steps when the plan says so, and the ledgers of two accounts."""

    url: str
    now: datetime = START
    ledgers: list[Ledger] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._store = EventStore(self.url, "rollcall_worker", size=1)
        self.rollcall = Rollcall(self._store, self._tick)
        for number, zone in enumerate(ZONES):
            account_id = self.rollcall.accounts.create(f"account {number}", zone, "PT").id
            self.ledgers.append(Ledger(account_id, ZoneInfo(zone)))
        self._sessions = ExitStack()
        self.restart(1, 1)

    def _tick(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def close(self) -> None:
        self._store.close()
        self._sessions.close()

    # What a plan can say

    def clock(self, seconds: int) -> None:
        """Machines' clocks differ, and are set."""
        self.now += timedelta(seconds=seconds)

    def changes(self, account: int, changes: list[oracle.Change]) -> None:
        ledger = self.ledgers[account]
        outcomes = self.rollcall.customers.change(ledger.account_id, [_asked(each) for each in changes]).outcomes
        for change, outcome in zip(changes, outcomes, strict=True):
            result, state = ledger.naive.take(change, self.now)
            assert (result == "invalid") == (outcome.result == "invalid"), (change, outcome)
            if result == "effect":
                customer_id = customer_id_of(ledger.account_id, change.key)
                ledger.effects.setdefault(customer_id, deque()).append(state)

    def create(self, account: int, raw: Any) -> None:
        ledger = self.ledgers[account]
        segment_id = uuid4()
        if self._accepted(ledger, raw, segment_id, SegmentDraft("A segment", "", "dynamic", raw)):
            ledger.segments.append(segment_id)

    def edit(self, account: int, nth: int, raw: Any, name: str | None) -> None:
        ledger = self.ledgers[account]
        if ledger.segments:
            segment_id = ledger.segments[nth % len(ledger.segments)]
            self._accepted(ledger, raw, segment_id, SegmentEdit(name=name or KEEP, filter=raw))

    def _accepted(self, ledger: Ledger, raw: Any, segment_id: UUID, asked: SegmentDraft | SegmentEdit) -> bool:
        try:
            if isinstance(asked, SegmentDraft):
                self.rollcall.segments.create(ledger.account_id, asked, segment_id)
            else:
                self.rollcall.segments.edit(ledger.account_id, segment_id, asked, None)
        except Invalid as refused:
            # The plan leaves a group empty, or filters by an attribute that no customer has yet, or of another type.
            expected = {"unknown_attribute", "unknown_operator", "invalid_value", "empty_group"}
            if {each.code for each in refused.errors} <= expected:
                return False
            raise
        if segment_id not in ledger.current or ledger.current[segment_id] != raw:
            ledger.filters.setdefault(segment_id, deque()).append(raw)
        ledger.current[segment_id] = raw
        if any(f'"{operator}"' in json.dumps(raw, default=str) for operator in MOVING):
            ledger.timed.add(segment_id)
        return True

    def delete(self, account: int, nth: int) -> None:
        ledger = self.ledgers[account]
        if ledger.segments:
            segment_id = ledger.segments.pop(nth % len(ledger.segments))
            self.rollcall.segments.delete(ledger.account_id, segment_id, None)

    def work(self, steps: int) -> None:
        for _ in range(steps):
            self.worker.step()

    def restart(self, batch_size: int, chunk_size: int) -> None:
        """The worker ends between two transactions; another one takes over."""
        self._sessions.close()
        sessions = self._sessions.enter_context(worker_sessions(self.url))
        writer = LiveWriter(self.rollcall.worker_events)
        self.worker = Worker(sessions, writer, batch_size=batch_size, chunk_size=chunk_size)
        self.worker.load()

    def rebuild(self, batch_size: int, chunk_size: int) -> None:
        rebuild(self.url, batch_size=batch_size, chunk_size=chunk_size)
        self.restart(chunk_size, batch_size)

    def drain(self) -> None:
        while self.worker.step():
            pass

    # What the oracle expects

    def stories(self) -> list[Story]:
        """The whole log replayed by the oracle, an account at a time."""
        with self._owner() as owner:
            rows = owner.execute(
                "SELECT notification_id, topic, account_id, originator_id, state FROM stored_events ORDER BY 1"
            ).fetchall()
        states = [json.loads(row[4]) for row in rows]
        times = effective([datetime.fromisoformat(state["recorded_at"]) for state in states])
        replays = [_OracleReplay(ledger) for ledger in self.ledgers]
        for (position, topic, account_id, originator_id, _), state, at in zip(rows, states, times, strict=True):
            for each in replays:
                if each.ledger.account_id == account_id:
                    each.apply(position, topic, originator_id, state, at)
        for each in replays:
            left = [*each.effects.values(), *each.filters.values()]
            assert not any(left), f"changes that should have had an effect had none: {left}"
        return [each.story for each in replays]

    @contextmanager
    def _owner(self) -> Iterator[Connection[Any]]:
        options = "-c search_path=rollcall_model,rollcall -c timezone=UTC"
        with psycopg.connect(self.url, autocommit=True, options=options) as owner:
            yield owner

    def rows(self, query: str) -> list[Any]:
        with self._owner() as owner:
            return owner.execute(query).fetchall()


class _OracleReplay:
    """One account's part of the log, event by event, against what was asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.story = Story(ledger.naive.types, ledger.zone)
        self.effects = {key: deque(each) for key, each in ledger.effects.items()}
        self.filters = {key: deque(each) for key, each in ledger.filters.items() if key not in ledger.timed}
        self.born: dict[UUID, tuple[int, datetime]] = {}

    def apply(self, position: int, topic: str, originator_id: UUID, state: dict[str, Any], at: datetime) -> None:
        match topic.removeprefix("rollcall."):
            case "customer.changed" | "customer.deleted":
                values = self.effects[originator_id].popleft()
                number, created_at = self.born.setdefault(originator_id, (position, at))
                assert (values is None) == (topic == "rollcall.customer.deleted")
                if values is None:
                    del self.born[originator_id]
                self.story.customer(number, position, at, values and {**values, "created_at": created_at})
            case "segment.created" | "segment.filter_changed" if originator_id not in self.ledger.timed:
                self.story.filter(originator_id, position, at, self.filters[originator_id].popleft())
            case "segment.recomputed":
                self.story.recomputed(UUID(state["segment_id"]), state["version_no"])
            case "segment.deleted":
                self.story.deleted(originator_id, position)


def _asked(change: oracle.Change) -> CustomerChange:
    data = None if change.deletes else CustomerData.model_validate(change.data or {})
    source, change_id = change.identity or (None, None)
    return CustomerChange(change.key, "deleted" if change.deletes else "changed", change.at, data, source, change_id)
