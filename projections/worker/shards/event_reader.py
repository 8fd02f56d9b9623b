"""Reads the events of some shards in fair batches, and keeps how far each shard is projected.

Used by one worker. The events of all accounts are read in the order of the log, from one cursor. An account that fills
most of a full batch lags from there on: the cursor passes over it, and its events are read beside the others', from a
position of its own, until it has caught up. So no account waits for another's backlog, and however many accounts there
are, a batch takes two queries. Positions move in the transactions that write what they stand for. Where several
workers project what such an account has in front of it (`projections.worker.backlog`), it is not read until they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.commands.event_mapper import load_event
from domain.errors import Corrupt
from domain.stored_events import Event
from projections.postgres.arrays import Bigints, Uuids
from projections.postgres.database import beside
from projections.worker.shards.shard import ALL, shard_of

SQL = beside(__file__)
# So many lagging accounts have their turn in one batch.
IN_TURN = 20
# While an account lags, batches are so many times shorter: the others wait for one or two of them.
SHORTER = 4
END = 2**62


class TimedEvent(NamedTuple):
    """An event at its position; `at` is its effective time in microseconds since 1970."""

    position: int
    at: int
    event: Event


class Positions(NamedTuple):
    """Up to where events are projected: those of each shard's accounts, but for those of the accounts that lag."""

    shards: Mapping[int, int]
    lagging: Mapping[UUID, int]

    def of(self, account_id: UUID) -> int:
        """The last position of which an account's event is projected, or later."""
        return self.lagging.get(account_id, self.shards[shard_of(account_id)])

    @property
    def last(self) -> int:
        """The greatest of all: a shard's is written later than that of an account of it that lags."""
        return max(*self.shards.values(), *self.lagging.values())


EVERYTHING = Positions(dict.fromkeys(ALL, END), {})


class Moves(NamedTuple):
    """How positions move with what a transaction writes: `shards` are (shard, before, after)."""

    shards: list[tuple[int, int, int]]
    lagging: dict[UUID, int]
    caught_up: list[UUID]

    def write(self, connection: Connection[Any]) -> None:
        """Move the positions in the tables. Raises `Corrupt` where another worker moved one."""
        if self.shards:
            moved = [list(each) for each in zip(*self.shards, strict=True)]
            if connection.execute(SQL.move_shards, moved).rowcount != len(self.shards):
                raise Corrupt("position_moved", "another worker moved the position")
        if self.lagging:
            connection.execute(
                SQL.move_lagging, [Uuids(list(self.lagging)), Bigints(self.lagging.values())], binary=True
            )
        if self.caught_up:
            connection.execute(SQL.no_longer_lagging, [self.caught_up])


@dataclass(slots=True)
class EventReader:
    """Reads on from `cursor`: every account that does not lag is read up to there."""

    connection: Connection[Any]
    batch_size: int
    cursor: int = 0
    lagging: dict[UUID, int] = field(default_factory=dict)
    # Those of them whose next events are divided among workers, and up to where.
    divided: dict[UUID, int] = field(default_factory=dict)
    # Each shard's position in the table, once what was handed out is written.
    _stored: dict[int, int] = field(default_factory=dict)
    # Up to here the cursor may pass events that some shards have behind them.
    _read_before: int = 0
    # The accounts that begin to lag, or have caught up, with the batch that was read last.
    _begun: set[UUID] = field(default_factory=set)
    _caught_up: set[UUID] = field(default_factory=set)

    @property
    def shards(self) -> frozenset[int]:
        """The shards that are read."""
        return frozenset(self._stored)

    @property
    def is_settled(self) -> bool:
        """Whether the next batch may be read before `settle` is written."""
        return not self._begun and not self._caught_up

    def add(self, stored: Positions) -> None:
        """Read further shards, from where the tables have them; what others have behind them is passed over."""
        self._stored |= stored.shards
        self.lagging |= stored.lagging
        self.cursor, self._read_before = min(self._stored.values()), max(self._stored.values())

    def remove(self, shards: Set[int]) -> None:
        """Read shards no longer, whose positions are written."""
        self._stored = {each: position for each, position in self._stored.items() if each not in shards}
        self.lagging = {each: position for each, position in self.lagging.items() if shard_of(each) not in shards}
        self.divided = {each: last for each, last in self.divided.items() if shard_of(each) not in shards}

    def divide(self, account_id: UUID, after: int, last: int) -> Moves:
        """Read no event of an account that lags between two positions, which are projected in parts.

        Returns how its position moves where it did not lag so far.
        """
        self.lagging[account_id], self.divided[account_id] = after, last
        return Moves([], {account_id: after}, [])

    def join(self, account_id: UUID) -> Moves:
        """Read on where the parts of an account end. Returns how its position moves."""
        self.lagging[account_id] = last = self.divided.pop(account_id)
        return Moves([], {account_id: last}, [])

    def read(self, until: Positions = EVERYTHING, *, alone: bool, shared: bool = False) -> list[TimedEvent]:
        """The next events up to some positions, each account's in order.

        `alone`: there is one account, which keeps no other waiting. `shared`: it lags all the same, for others to help.
        """
        if not self._stored:
            return []
        size = self.batch_size // SHORTER if self.lagging and not alone else self.batch_size
        size = max(2, size) if self.lagging else size
        limit = size // 2 if self.lagging else size
        terms = {
            "after": self.cursor,
            "last": until.last,
            "shards": None if self._stored.keys() == ALL else list(self._stored),
            "lagging": list(self.lagging),
            "limit": limit,
        }
        found = self.connection.execute(SQL.next_events, terms, binary=True).fetchall()
        rows = [row[1:] for row in found if row[1] is not None]
        is_full = len(rows) == limit
        cursor = max(self.cursor, rows[-1][0] if is_full else found[0][0])
        if self._read_before > self.cursor or until is not EVERYTHING:
            rows = self._chosen(rows, until)
        if is_full and (shared or not alone):
            counts = Counter(row[-1] for row in rows)
            # One that was stopped above lags from there already.
            filling = [each for each, count in counts.items() if count > limit // 2 and each not in self.lagging]
            self._begin_to_lag(dict.fromkeys(filling, cursor))
        others = self._read_lagging(until, cursor, size - len(rows)) if self.lagging else []
        self.cursor = cursor
        return [TimedEvent(row[0], row[1], load_event(*row[2:6])) for row in others + rows]

    def behind(self, until: Positions) -> int:
        """How many positions any account is from where it is to be read to."""
        return max([until.last - self.cursor, *(until.of(each) - at for each, at in self.lagging.items())])

    def moves(self, events: Sequence[TimedEvent]) -> Moves:
        """How positions move when events that were read are written, in the order in which they were read."""
        last = {timed.event.account_id: timed.position for timed in events}
        behind = (self.lagging.keys() | self._caught_up) - self._begun
        lagging = {each: position for each, position in last.items() if each in behind}
        shards = dict[int, int]()
        for account_id, position in last.items():
            if account_id not in lagging:
                shard = shard_of(account_id)
                shards[shard] = max(position, shards.get(shard, 0))
        return Moves(self._moved(shards), lagging, [])

    def settle(self) -> Moves:
        """How every position moves once everything that was read is written."""
        begun = {each: self.lagging[each] for each in self._begun}
        moves = Moves(self._moved(dict.fromkeys(self._stored, self.cursor)), begun, list(self._caught_up))
        self._begun, self._caught_up = set(), set()
        return moves

    def _moved(self, shards: Mapping[int, int]) -> list[tuple[int, int, int]]:
        moved = [
            (shard, self._stored[shard], position)
            for shard, position in sorted(shards.items())
            if position > self._stored[shard]
        ]
        self._stored |= {shard: position for shard, _, position in moved}
        return moved

    def _chosen(self, rows: list[Any], until: Positions) -> list[Any]:
        """Without what a shard has behind it; and an account that is not to be read further lags from there on."""
        chosen, stopped = [], dict[UUID, int]()
        for row in rows:
            position, account_id = row[0], row[-1]
            if position > until.of(account_id):
                stopped[account_id] = until.of(account_id)
            elif position > self._stored[shard_of(account_id)]:
                chosen.append(row)
        self._begin_to_lag(stopped)
        return chosen

    def _begin_to_lag(self, accounts: Mapping[UUID, int]) -> None:
        self.lagging |= accounts
        self._begun |= accounts.keys()

    def _read_lagging(self, until: Positions, cursor: int, limit: int) -> list[Any]:
        """The next events of accounts that lag, of as many as have their turn."""
        in_turn = [each for each in self.lagging if each not in self._begun and each not in self.divided][:IN_TURN]
        if not in_turn:
            return []
        each_limit = max(1, limit // len(in_turn))
        ends = {each: min(cursor, until.of(each)) for each in in_turn}
        terms = {
            "accounts": in_turn,
            "after": [self.lagging[each] for each in in_turn],
            "last": list(ends.values()),
            "limit": each_limit,
        }
        rows = self.connection.execute(SQL.next_events_of, terms, binary=True).fetchall()
        counts = Counter(row[-1] for row in rows)
        for account_id in in_turn:
            position = self.lagging.pop(account_id)
            # Not while the cursor passes again over what the account's shard has behind it.
            has_all = counts[account_id] < each_limit and ends[account_id] == cursor
            if has_all and cursor >= self._stored[shard_of(account_id)]:
                self._caught_up.add(account_id)
            else:  # at the end: the others have their turn first
                self.lagging[account_id] = position
        self.lagging |= {row[-1]: row[0] for row in rows if row[-1] in self.lagging}
        return rows


def stored_positions(connection: Connection[Any], shards: Set[int]) -> Positions:
    """The positions of some shards in the tables, and of their accounts that lag."""
    positions = dict(connection.execute(SQL.positions).fetchall())
    lagging = dict(connection.execute(SQL.lagging).fetchall())
    return Positions(
        {each: positions[each] for each in shards},
        {each: position for each, position in lagging.items() if shard_of(each) in shards},
    )


def listen(connection: Connection[Any], shards: Set[int]) -> None:
    """Let the session be notified of events in some shards, and in no others; and of parts of any backlog."""
    channels = ["rollcall_parts", *(f"rollcall_log_{shard}" for shard in sorted(shards))]
    connection.execute("; ".join(["UNLISTEN *", *(f"LISTEN {channel}" for channel in channels)]))
