"""What an explanation is made of: a customer as conditions see her, the filter being served, the cause.

Used by `api.v1.explanations` and the console's history. All of one snapshot, and of the instant at which the
projection worker evaluated her last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.errors import Invalid
from domain.filters.conditions import attributes_read, parse
from domain.filters.explanation import explain
from domain.filters.nesting import SEGMENT, Reference, segments_named
from domain.moments import Days, Moment, micros
from domain.stored_events import CustomerChanged
from domain.values import Value
from projections.model.customers import read_values
from projections.postgres.database import beside
from projections.read import accounts, history, segments
from projections.read.history import Last
from projections.read.segments import SegmentRow

SQL = beside(__file__)


class Person(NamedTuple):
    """A customer: her values as people and as conditions see them, and when she last changed."""

    customer_no: int
    shown: dict[str, Any]
    seen: dict[str, Value]
    updated_at: datetime


class Told(NamedTuple):
    """An event of the log: its type, who told it, and the values that a change of a customer set.

    `created`: the change was the customer's first.
    """

    type: str
    source: str | None
    change_id: str | None
    values: dict[str, Any]
    created: bool


class MembershipExplanation(NamedTuple):
    """What there is to say about one customer and one segment; `since` is `None` of a non-member.

    `last` is the newest change of the membership and `event` what caused it, `None` where nothing ever happened.
    `reads` are the attributes that the served filter reads. `tree_at` returns that filter with its results at a
    moment; it is `None` where there is no filter, or none that can be read.
    """

    customer_id: UUID
    person: Person
    since: datetime | None
    last: Last | None
    event: Told | None
    days: Days
    moment: Moment
    reads: frozenset[str]
    tree_at: Callable[[Moment], Any] | None

    @property
    def tree(self) -> Any:
        """The filter with its results as of the last evaluation."""
        return None if self.tree_at is None else self.tree_at(self.moment)


def person(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> Person | None:
    """The customer with this id in this account."""
    row = connection.execute(SQL.person, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    if row is None:
        return None
    shown, _, seen = read_values(row[1], row[2])
    return Person(row[0], shown, seen, row[3])


def joined_at(connection: Connection[TupleRow], version_no: int | None, customer_no: int) -> datetime | None:
    """Since when a customer is in a version; `None` where she is not."""
    row = connection.execute(SQL.joined, {"version_no": version_no, "customer_no": customer_no}).fetchone()
    return row[0] if row else None


def filter_of(connection: Connection[TupleRow], version_no: int) -> Any:
    """The filter of a version as it was saved; `None` for a static segment."""
    row = connection.execute(SQL.filter, {"version_no": version_no}).fetchone()
    return None if row is None or row[0] is None else json_text.loads(row[0])


def segments_of(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int, segment_ids: set[str]
) -> set[str]:
    """Those of some segments that a customer is in."""
    if not segment_ids:
        return set()
    asked = {"account_id": account_id, "customer_no": customer_no, "segment_ids": sorted(segment_ids)}
    return {segment_id for (segment_id,) in connection.execute(SQL.segments_of, asked)}


def event(connection: Connection[TupleRow], account_id: UUID, position: int) -> Told | None:
    """The event at a position of the log, as the account may see it."""
    return events(connection, account_id, [position]).get(position)


def events(connection: Connection[TupleRow], account_id: UUID, positions: Sequence[int]) -> dict[int, Told]:
    """The events at some positions of the log, as the account may see them."""
    asked = {"account_id": account_id, "positions": sorted(set(positions))}
    found = {}
    for position, topic, text in connection.execute(SQL.events, asked):
        state = json_text.loads(text)
        values = state.get("values") if topic == CustomerChanged.type_name else None
        created = bool(state.get("created"))
        found[int(position)] = Told(topic, state.get("source"), state.get("change_id"), values or {}, created)
    return found


def of_membership(
    connection: Connection[TupleRow], account_id: UUID, segment: SegmentRow, customer_id: UUID
) -> MembershipExplanation | None:
    """Why a customer is in a segment or not, in the caller's snapshot; `None` where there is no such customer."""
    customer = person(connection, account_id, customer_id)
    if customer is None:
        return None
    since = joined_at(connection, segment.serving, customer.customer_no)
    source = history.counted(connection, account_id, segment.segment_no)
    last = history.last_of(connection, source, customer.customer_no)
    cause = None if last is None else event(connection, account_id, last.position)
    days, passed_to = accounts.calendar(connection, account_id)
    moment = days.moment(micros(max(passed_to, customer.updated_at)))
    reads, tree_at = _tree(connection, account_id, segment, customer)
    return MembershipExplanation(customer_id, customer, since, last, cause, days, moment, reads, tree_at)


def _tree(
    connection: Connection[TupleRow], account_id: UUID, segment: SegmentRow, customer: Person
) -> tuple[frozenset[str], Callable[[Moment], Any] | None]:
    """The attributes that the served filter reads, and its results at a moment; none where it cannot be read.

    A version stores its filter with those of the segments that it names written out. The filter as saved is that of
    the newest version; of an older one that is still served, the filters of segments are shown in place of their names.
    """
    version = segment.serving or segment.building
    effective = None if version is None else filter_of(connection, version)
    if effective is None:
        return frozenset(), None
    newest = segment.serving is None or segment.state == "current"
    raw = segment.filter if newest else effective
    named = segments_of(connection, account_id, customer.customer_no, segments_named(raw))

    def reference(segment_id: str) -> Reference | None:
        row = segments.by_id(connection, account_id, UUID(segment_id))
        return row and Reference(row.name, "static" if row.type == "static" else "dynamic", row.filter)

    try:
        node = parse(effective, accounts.types(connection, account_id), segments=reference, limited=False)
    except Invalid:
        # A filter that this release cannot read has put its segment in state `failed`, which the answer says.
        return frozenset(), None
    shown = customer.shown | {SEGMENT: named}
    return attributes_read(node), lambda moment: explain(raw, node, customer.seen, shown, moment)
