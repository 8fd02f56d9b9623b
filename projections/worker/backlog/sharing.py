"""Sharing an account's backlog: its worker divides what is ahead, every worker with nothing else to do takes a part.

Used by one worker, between its other stages. Only customers' own events are divided: the account's worker, alone,
handles every other event, lets time pass, fills versions and copies audiences, and divides nothing meanwhile. So what a
worker has in memory of another's account changes only with the `defined_at` of its parts. Rows that customers share
(counts, phone numbers, the change stream) are written by one worker at a time; counts of attributes, which depend on
the order of all events, by the account's worker when every part is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID

from domain.stored_events import TimePassed
from projections.model.account_state import AccountState
from projections.model.attributes import counts as attribute_counts
from projections.model.attributes.counts import CountsToCome
from projections.model.membership import MembershipBatch
from projections.model.read_model import ReadModel
from projections.model.start.accounts import load_account
from projections.postgres.row_writes import RowWrites
from projections.worker import handlers, metrics
from projections.worker.backlog import parts
from projections.worker.backlog.parts import CountChange, LivePart, Part
from projections.worker.customer_run import CustomerRun
from projections.worker.shards.event_reader import EventReader, Positions, TimedEvent
from projections.worker.shards.shard import shard_of

# Parts have about so many events: others wait for one at most. There are so many for each worker, and no more in all.
PART = 1_000
EACH, MOST = 4, 32
PAUSE = 5.0
# So many accounts of other workers are kept in memory.
KEPT = 8


@dataclass(slots=True)
class Sharing:
    """What one worker shares. `others`: how many workers live besides this one. `size`: the events of a part.

    `pause`: after so many seconds it is tried again whether another worker takes parts, where none did.
    """

    model: ReadModel
    reader: EventReader
    transaction: Callable[[], AbstractContextManager[None]]
    observe: Callable[[list[TimedEvent]], None]
    size: int = PART
    pause: float = PAUSE
    others: int = 0
    # Accounts of other workers, each with the `defined_at` that it is of.
    _guests: dict[UUID, tuple[int, AccountState]] = field(default_factory=dict)
    # The last event of each own account that changed more than customers or the time.
    _defined_at: dict[UUID, int] = field(default_factory=dict)
    # Own accounts that are not divided before this position.
    _not_before: dict[UUID, int] = field(default_factory=dict)
    # How many parts of each own account are left for others to take.
    _left: dict[UUID, int] = field(default_factory=dict)
    _alone_until: float = 0.0

    def note(self, events: list[TimedEvent]) -> None:
        """Take note of events that were handled, none of which is a customer's."""
        for position, _, event in events:
            if not isinstance(event, TimePassed):
                self._defined_at[event.account_id] = position

    def share(self) -> bool:
        """Join what is projected, divide what is ahead, and project one part. Returns whether there was any to do."""
        had_work = self._join() if self.reader.divided else False
        if self.others and time.monotonic() >= self._alone_until:
            had_work = self._divide() or had_work
        return (bool(self.reader.divided) and self._project_part()) or had_work

    def help(self) -> bool:
        """Project one part of any account. Returns whether there was one."""
        return bool(self.others) and parts.is_any_open(self.model.reading) and self._project_part()

    def complete(self, until: Positions) -> bool:
        """Project every part of the accounts that are to be read to the end of their divisions, or further.

        For a replay, which is alone. Returns whether there was any.
        """
        ended = [each for each, last in self.reader.divided.items() if until.of(each) >= last]
        for account_id in ended:
            while self._project_part(account_id):
                continue
        return bool(ended) and self._join()

    def mirror(self, live: Iterable[LivePart]) -> None:
        """Divide as the live workers have, whose position this replay has reached, and project what they have."""
        for each in live:
            with self.transaction():
                parts.copy(self.model.connection, each)
                self.reader.divide(each.account_id, each.after, each.last).write(self.model.connection)
            if each.done:
                self._project_part(each.account_id, each.part)

    def forget(self, shards: Set[int]) -> None:
        """Forget the accounts of shards, which another worker may define otherwise."""
        for of_account in (self._defined_at, self._not_before, self._left):
            for account_id in [each for each in of_account if shard_of(each) in shards]:
                del of_account[account_id]

    def _join(self) -> bool:
        """Move the accounts of which every part is done beyond them. Returns whether there was any."""
        finished = parts.finished(self.model.reading, self.reader.divided)
        for account_id, changes in finished.items():
            account = self.model.accounts[account_id]
            writes = _count(account, changes)
            with self.transaction():
                self.reader.join(account_id).write(self.model.connection)
                writes.execute(self.model.connection)
                parts.close(self.model.connection, account_id)
            # What the parts changed may be due, though nothing was when that was looked for.
            account.idle_to, account.due_at = 0, None
            if self._left.pop(account_id, 1) <= 0:
                self._alone_until = time.monotonic() + self.pause
        return bool(finished)

    def _divide(self) -> bool:
        """Divide what is ahead of each own account that lags. Returns whether there was any."""
        had_any = False
        count = min(MOST, EACH * (self.others + 1))
        for account_id, after in list(self.reader.lagging.items()):
            account = self.model.accounts[account_id]
            is_busy = account.is_filling or account.passing is not None or self.model.changes.is_switching(account_id)
            if is_busy or account_id in self.reader.divided or after < self._not_before.get(account_id, 0):
                continue
            ahead = parts.ahead(self.model.reading, account_id, after, self.reader.cursor, count, self.size)
            if ahead.last is None or ahead.events < 2 * max(self.size, ahead.largest):
                self._not_before[account_id] = ahead.other or ahead.last or self.reader.cursor
                continue
            stamp = self._defined_at.setdefault(account_id, after)
            with self.transaction():
                parts.open_parts(self.model.connection, account_id, after, ahead.last, count, stamp)
                self.reader.divide(account_id, after, ahead.last).write(self.model.connection)
            self._left[account_id] = count
            had_any = True
        return had_any

    def _project_part(self, account_id: UUID | None = None, number: int | None = None) -> bool:
        """Project a part that is free, of own accounts first, or a certain one. Returns whether there was one."""
        started = time.monotonic()
        with self.transaction():
            part = parts.take(self.model.connection, self.reader.divided, account_id, number)
            if part is None:
                return False
            events, members = parts.events_of(self.model.reading, part), MembershipBatch(self.model.changes)
            writes, counts = self._match(part, events, members)
            writes.execute(self.model.connection, part.account_id)
            parts.finish(self.model.connection, part, counts)
        if part.account_id in self._left:
            self._left[part.account_id] -= 1
        metrics.PARTS.labels("own" if part.account_id in self.model.accounts else "other").inc()
        metrics.report_batch(len(events), members, part.last, started)
        self.observe(events)
        return True

    def _match(
        self, part: Part, events: list[TimedEvent], members: MembershipBatch
    ) -> tuple[RowWrites, list[CountChange]]:
        """Bring the events of a part to their customers, in memory. Returns what to write, and what to count."""
        account, to_come = self._account_of(part), CountsToCome()
        model = ReadModel(self.model.connection, self.model.reading, self.model.changes, {part.account_id: account})
        kept, account.counts = account.counts, to_come
        try:
            run = CustomerRun(model, members)
            run.load(events, None)
            for position, at, event in events:
                to_come.position = position
                handlers.RUN_HANDLERS[type(event)](run, event, position, at)
            return run.writes(), to_come.changes
        finally:
            account.counts = kept

    def _account_of(self, part: Part) -> AccountState:
        """The account of a part as it is at the beginning of the division."""
        own = self.model.accounts.get(part.account_id)
        if own is not None:
            return own
        stamp, account = self._guests.pop(part.account_id, (None, None))
        if account is None or stamp != part.defined_at:
            account = load_account(self.model.connection, part.account_id)
        account.time_passed_to = part.time_passed_to
        self._guests[part.account_id] = part.defined_at, account
        if len(self._guests) > KEPT:
            del self._guests[next(iter(self._guests))]
        return account


def _count(account: AccountState, changes: list[CountChange]) -> RowWrites:
    for _, key, old, new in changes:
        account.counts.change(key, account.types[key], old, new)
    writes = RowWrites()
    attribute_counts.write(writes, {account.account_id: account.counts})
    return writes
