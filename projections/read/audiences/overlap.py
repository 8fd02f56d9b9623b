"""How the segments of a choice overlap: members in two of them, and what each one adds or takes away.

Used by `api.v1.audiences.overlap` and the console's campaigns. Counted in one query over the members of the served
versions, in which each customer is a set of segments (a bit for each). What a segment adds is counted in recipients,
decided as `projections.read.recipients` decides them: without the segment, exactly so many fewer are reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.errors import Invalid, Refused
from domain.texts.language import said
from projections.postgres.database import beside
from projections.read.preview import within_time_limit
from projections.read.segments import SegmentRow

SQL = beside(__file__)
# A bit of a number for each; a matrix of more is no picture either.
MOST_COMPARED = 60


class Part(NamedTuple):
    """What one segment does. Included: how many recipients are in it, and how many through it `alone`. Left out: how
    many recipients it takes away, and how many it `alone`.
    """

    segment: SegmentRow
    recipients: int
    alone: int


class Overlap(NamedTuple):
    """The parts in the order in which the segments were chosen, and the members that two segments have in common."""

    included: list[Part]
    left_out: list[Part]
    common: dict[frozenset[UUID], int]

    @property
    def segments(self) -> list[SegmentRow]:
        """Every segment once."""
        return list({part.segment.segment_id: part.segment for part in (*self.included, *self.left_out)}.values())

    def common_of(self, one: UUID, other: UUID) -> int:
        """Returns how many customers are members of both."""
        return self.common.get(frozenset((one, other)), 0)


def of_segments(
    connection: Connection[TupleRow],
    account_id: UUID,
    included: Sequence[SegmentRow],
    left_out: Sequence[SegmentRow],
    *,
    alone: bool,
) -> Overlap:
    """Returns how these segments overlap now; uses several processors where the account is `alone`.

    Raises `Invalid` for too many of them, `Refused` where one was never computed, `Unavailable` if counting is slow.
    """
    _check([*included, *left_out])
    bits: dict[int, int] = {}
    for place, row in enumerate([*included, *left_out]):
        bits[row.serving or 0] = bits.get(row.serving or 0, 0) | 1 << place
    first_left_out = 1 << len(included)
    asked = {
        "account_id": account_id,
        "versions": list(bits),
        "bits": list(bits.values()),
        "included": first_left_out - 1,
        "each": [1 << place for place in range(len(included) + len(left_out))],
    }
    with within_time_limit(connection, alone=alone):
        rows = connection.execute(SQL.overlap, asked).fetchall()
    parts = {bit: (recipients, by_itself) for bit, other, recipients, by_itself in rows if other is None}
    of_bit = {1 << place: row for place, row in enumerate([*included, *left_out])}
    made = [Part(row, *parts.get(bit, (0, 0))) for bit, row in of_bit.items()]
    common = {
        frozenset((of_bit[bit].segment_id, of_bit[other].segment_id)): customers
        for bit, other, customers, _ in rows
        if other is not None
    }
    return Overlap(made[: len(included)], made[len(included) :], common)


def _check(rows: Sequence[SegmentRow]) -> None:
    if len(rows) > MOST_COMPARED:
        detail = said(
            "%(count)s segments; at most %(most_compared)s can be compared",
            count=len(rows),
            most_compared=MOST_COMPARED,
        )
        raise Invalid.at("/segment_ids", "too_many_segments", detail)
    if missing := next((row for row in rows if row.serving is None), None):
        detail = said(
            "segment %(segment_id)s has no members yet; ask again when it is current", segment_id=missing.segment_id
        )
        raise Refused("segment_not_computed", detail)
