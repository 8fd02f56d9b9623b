"""Members and their history: what a batch made join and leave, netted for rows, whole for the history.

Used by the worker. Within a batch a (version, customer) is written once: what stood there goes when
its first flip is a leave, a row comes when its last flip is a join. The history has every flip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.errors import Corrupt
from projections.matching.flip_index import Flips
from projections.postgres.arrays import columns
from projections.postgres.database import beside

SQL = beside(__file__)
Cause = Literal["change", "edit", "deletion", "time", "manual", "import", "segment"]


class Settlement(NamedTuple):
    """A customer evaluated as of an edit, before a later event touches her."""

    account_id: UUID
    version_no: int
    previous: int | None
    customer_no: int
    member: bool
    was_member: bool
    at: int


@dataclass(slots=True)
class MembershipBatch:
    """Flips since the last write. Instants are microseconds since 1970."""

    first_left: dict[tuple[int, int], UUID] = field(default_factory=dict)
    last: dict[tuple[int, int], tuple[int, int, UUID] | None] = field(default_factory=dict)
    history: list[tuple[int, int, int, int, bool, str, UUID]] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    # Whether flips that readers see go into the change stream: not in a replay.
    telling: bool = False
    joins: int = 0
    leaves: int = 0

    def flip(self, account_id: UUID, customer_no: int, flips: Flips, position: int, at: int, cause: Cause) -> None:
        """Take in the joins and leaves that one event caused for one customer."""
        last, history = self.last, self.history
        for version in flips.left:
            key = (version, customer_no)
            if key not in last:
                self.first_left[key] = account_id
            last[key] = None
            history.append((customer_no, version, position, at, False, cause, account_id))
        for version in flips.joined:
            last[version, customer_no] = (at, position, account_id)
            history.append((customer_no, version, position, at, True, cause, account_id))

    def settle(self, settlement: Settlement) -> None:
        """Take in a customer's membership as of an edit."""
        self.settled.append(settlement)
        if settlement.member != settlement.was_member:
            self.history.append(
                (
                    settlement.customer_no, settlement.version_no, settlement.version_no, settlement.at,
                    settlement.member, "edit", settlement.account_id,
                )
            )  # fmt: skip

    def write(self, connection: Connection[Any]) -> None:
        """Write rows, history and counts, a statement for each. Raises `Corrupt` where a member was not there."""
        counts: dict[int, int] = {}
        self._write_settled(connection, counts)
        if self.first_left:
            keys = sorted(self.first_left)
            cursor = connection.execute(SQL.delete_members, columns(keys), binary=True)
            if cursor.rowcount != len(keys):
                raise Corrupt("members_differ", f"{len(keys)} members leave, {cursor.rowcount} were there")
            for version, _ in keys:
                counts[version] = counts.get(version, 0) - 1
        rows = sorted((*key, *entry) for key, entry in self.last.items() if entry is not None)
        if rows:
            connection.execute(SQL.insert_members, columns(rows), binary=True)
            for row in rows:
                counts[row[0]] = counts.get(row[0], 0) + 1
        if self.history:
            self.history.sort()
            told = columns(self.history)
            connection.execute(SQL.insert_history, told, binary=True)
            if self.telling:
                connection.execute(SQL.tell_changes, told, binary=True)
            self.joins += sum(row[4] for row in self.history)
            self.leaves += sum(not row[4] for row in self.history)
        if counts:
            connection.execute(SQL.add_counts, columns(sorted(counts.items())), binary=True)
        self.first_left, self.last, self.history, self.settled = {}, {}, [], []

    def _write_settled(self, connection: Connection[Any], counts: dict[int, int]) -> None:
        members = [each for each in self.settled if each.member]
        if not members:
            return
        settled = columns([(*each[:4], each.at) for each in members])
        connection.execute(SQL.insert_settled, settled, binary=True)
        for each in members:
            counts[each.version_no] = counts.get(each.version_no, 0) + 1
