"""Members and their history: `members` rows are netted within a batch, the history holds every join and leave.

Used by the worker. However a log is cut into batches, rows and history are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from projections.matching.flip_index import Flips
from projections.model.changes import ChangeStream
from projections.model.segment_list import sizes
from projections.postgres.arrays import columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
Cause = Literal["change", "activity", "edit", "deletion", "time", "manual", "import", "segment"]


class Flip(NamedTuple):
    """One join or leave, a row of the history; sorted, those of one customer in one version follow as they happened.

    `at` is in microseconds since 1970.
    """

    customer_no: int
    version_no: int
    position: int
    at: int
    joined: bool
    cause: Cause
    account_id: UUID


class MemberRows(NamedTuple):
    """What changes in `members`, each in key order: deletes come first.

    `deletes` are (version_no, customer_no), `inserts` are (version_no, customer_no, at, position, account_id).
    """

    deletes: list[tuple[int, int]]
    inserts: list[tuple[int, int, int, int, UUID]]


def consolidate(flips: Sequence[Flip]) -> MemberRows:
    """The rows that flips, sorted, delete from and insert into `members`.

    The flips of one customer in one version alternate. So their row is deleted where the first flip is a leave, and
    inserted, as of the last flip, where that is a join: a join and a leave cancel out, a leave and a join make a new
    row with the instant of the new join.
    """
    deletes: list[tuple[int, int]] = []
    inserts: list[tuple[int, int, int, int, UUID]] = []
    customer_before = version_before = insert = None
    for customer_no, version_no, position, at, joined, _cause, account_id in flips:
        if version_no != version_before or customer_no != customer_before:  # the first flip of these two
            if insert is not None:
                inserts.append(insert)
            if not joined:
                deletes.append((version_no, customer_no))
            customer_before, version_before = customer_no, version_no
        insert = (version_no, customer_no, at, position, account_id) if joined else None
    if insert is not None:
        inserts.append(insert)
    return MemberRows(sorted(deletes), sorted(inserts))


def without_there_and_back(flips: list[Flip]) -> list[Flip]:
    """Sorted flips without those that one event takes back at their own instant.

    A window lets a fact go at the very microsecond at which another one arrives: before and after, they are a member.
    """
    kept: list[Flip] = []
    for flip in flips:
        if kept and kept[-1][:4] == flip[:4]:
            kept.pop()
        else:
            kept.append(flip)
    return kept


class MembershipAtEdit(NamedTuple):
    """Whether a customer is in a version that is being built, and was in the previous one, both as of the edit."""

    account_id: UUID
    version_no: int
    previous: int | None
    customer_no: int
    is_member: bool
    was_member: bool
    at: int


@dataclass(slots=True)
class MembershipBatch:
    """Flips since the last write, and how many joins and leaves there were. Instants are in microseconds."""

    changes: ChangeStream
    flips: list[Flip] = field(default_factory=list)
    at_edits: list[MembershipAtEdit] = field(default_factory=list)
    joins: int = 0
    leaves: int = 0

    def add(self, account_id: UUID, customer_no: int, flips: Flips, position: int, at: int, cause: Cause) -> None:
        """Add the joins and leaves that one event caused for one customer."""
        append = self.flips.append
        for version_no in flips.left:
            append(Flip(customer_no, version_no, position, at, False, cause, account_id))
        for version_no in flips.joined:
            append(Flip(customer_no, version_no, position, at, True, cause, account_id))

    def add_at_edit(self, membership: MembershipAtEdit) -> None:
        """Add a customer's membership as of an edit."""
        self.at_edits.append(membership)

    def write(self, writes: RowWrites) -> None:
        """Add the writes of rows, history and counts, a statement for each."""
        self.flips = without_there_and_back(sorted(self.flips))
        members = Counter[int]()
        self._insert_members_at_edit(writes, members)
        self._write_members(writes, members)
        self._write_history(writes)
        if members:
            writes.add(SQL.add_counts, columns(sorted(members.items())), rows=len(members), shared=True)
        self.flips, self.at_edits = [], []

    def _insert_members_at_edit(self, writes: RowWrites, members: Counter[int]) -> None:
        rows = [
            (each.account_id, each.version_no, each.previous, each.customer_no, each.at)
            for each in self.at_edits
            if each.is_member
        ]
        if rows:
            writes.add(SQL.insert_members_at_edit, columns(rows), rows=len(rows))
            members.update(each.version_no for each in self.at_edits if each.is_member)

    def _write_members(self, writes: RowWrites, members: Counter[int]) -> None:
        deletes, inserts = consolidate(self.flips)
        if deletes:
            writes.add(SQL.delete_members, columns(deletes), rows=len(deletes))
            members.subtract(Counter(version_no for version_no, _ in deletes))
        if inserts:
            writes.add(SQL.insert_members, columns(inserts))
            members.update(row[0] for row in inserts)

    def _write_history(self, writes: RowWrites) -> None:
        history = sorted([*self.flips, *_flips_of_edits(self.at_edits)])
        if history:
            rows = columns(history)
            writes.add(SQL.insert_history, rows)
            sizes.add_flips(writes, history)
            self.changes.append_flips(writes, rows)
            joins = sum(flip.joined for flip in history)
            self.joins += joins
            self.leaves += len(history) - joins


def _flips_of_edits(memberships: Iterable[MembershipAtEdit]) -> list[Flip]:
    return [
        Flip(each.customer_no, each.version_no, each.version_no, each.at, each.is_member, "edit", each.account_id)
        for each in memberships
        if each.is_member != each.was_member
    ]
