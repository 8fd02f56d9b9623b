"""Why a customer is in a segment or not: their values, the served filter, and the event that caused the last change.

Used by `api.v1.explanations` and the console, within one snapshot. The filter is evaluated as of the instant at
which the projection worker evaluated the customer last.
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
from domain.filters.behaviour.reading import Behaviour
from domain.filters.conditions import attributes_read
from domain.filters.explanation import explain
from domain.filters.nesting import SEGMENT, Reference, segments_named
from domain.filters.parsing import parse
from domain.instants import Days, Moment, micros
from domain.phones import phone_reader
from domain.stored_events import CustomerChanged
from domain.values import Value
from projections.model.customers import read_values
from projections.postgres.database import beside
from projections.read import accounts, history, segments
from projections.read.behaviour import measured
from projections.read.history import LastChange
from projections.read.segments import SegmentRow

SQL = beside(__file__)


class ExplainedCustomer(NamedTuple):
    """A customer: their values as shown to people and as conditions see them, and when they last changed."""

    customer_no: int
    shown: dict[str, Any]
    seen: dict[str, Value]
    updated_at: datetime


class EventDetails(NamedTuple):
    """An event of the log: its type, its source, and the values that a change of a customer set.

    `created`: whether the change created the customer.
    """

    type: str
    source: str | None
    change_id: str | None
    values: dict[str, Any]
    created: bool


class MembershipExplanation(NamedTuple):
    """Why one customer is in one segment or not; `since` is `None` for a non-member.

    `last` is the latest join or leave and `event` what caused it; both are `None` if there was none. `reads` are
    the attributes that the served filter reads. `tree_at` returns that filter with its results at a moment; it is
    `None` if there is no filter, or one that cannot be parsed.
    """

    customer_id: UUID
    customer: ExplainedCustomer
    since: datetime | None
    last: LastChange | None
    event: EventDetails | None
    days: Days
    moment: Moment
    reads: frozenset[str]
    tree_at: Callable[[Moment], Any] | None

    @property
    def tree(self) -> Any:
        """The filter with its results as of the last evaluation."""
        return None if self.tree_at is None else self.tree_at(self.moment)


def explained_customer(
    connection: Connection[TupleRow], account_id: UUID, customer_id: UUID
) -> ExplainedCustomer | None:
    """Returns the customer with this id in this account."""
    row = connection.execute(SQL.customer, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    if row is None:
        return None
    shown, _, seen = read_values(row[1], row[2])
    return ExplainedCustomer(row[0], shown, seen, row[3])


def joined_at(connection: Connection[TupleRow], version_no: int | None, customer_no: int) -> datetime | None:
    """Returns when a customer joined a version, `None` if they are not a member."""
    row = connection.execute(SQL.joined, {"version_no": version_no, "customer_no": customer_no}).fetchone()
    return row[0] if row else None


def filter_of(connection: Connection[TupleRow], version_no: int) -> Any:
    """Returns the filter of a version as JSON, segments written out; `None` for a static segment."""
    row = connection.execute(SQL.filter, {"version_no": version_no}).fetchone()
    return None if row is None or row[0] is None else json_text.loads(row[0])


def segments_of(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int, segment_ids: set[str]
) -> set[str]:
    """Returns which of `segment_ids` a customer is in."""
    if not segment_ids:
        return set()
    asked = {"account_id": account_id, "customer_no": customer_no, "segment_ids": sorted(segment_ids)}
    return {segment_id for (segment_id,) in connection.execute(SQL.segments_of, asked)}


def event(connection: Connection[TupleRow], account_id: UUID, position: int) -> EventDetails | None:
    """Returns the event at a position of the log, if it is of this account."""
    return events(connection, account_id, [position]).get(position)


def events(connection: Connection[TupleRow], account_id: UUID, positions: Sequence[int]) -> dict[int, EventDetails]:
    """Returns the events at some positions of the log that are of this account, by position."""
    asked = {"account_id": account_id, "positions": sorted(set(positions))}
    found = {}
    for position, topic, text in connection.execute(SQL.events, asked):
        state = json_text.loads(text)
        values = state.get("values") if topic == CustomerChanged.type_name else None
        created = bool(state.get("created"))
        source = state.get("source") or state.get("copied_from")
        found[int(position)] = EventDetails(topic, source, state.get("change_id"), values or {}, created)
    return found


def of_membership(
    connection: Connection[TupleRow], account_id: UUID, segment: SegmentRow, customer_id: UUID
) -> MembershipExplanation | None:
    """Returns why a customer is in a segment or not; `None` if there is no such customer."""
    customer = explained_customer(connection, account_id, customer_id)
    if customer is None:
        return None
    since = joined_at(connection, segment.serving, customer.customer_no)
    source = history.served_versions(connection, account_id, segment.segment_no)
    last = history.last_change(connection, source, customer.customer_no)
    cause = None if last is None else event(connection, account_id, last.position)
    days, passed_to = accounts.calendar(connection, account_id, customer.customer_no)
    moment = days.moment(micros(max(passed_to, customer.updated_at)))
    reads, tree_at = _tree(connection, account_id, segment, customer)
    return MembershipExplanation(customer_id, customer, since, last, cause, days, moment, reads, tree_at)


def _tree(
    connection: Connection[TupleRow], account_id: UUID, segment: SegmentRow, customer: ExplainedCustomer
) -> tuple[frozenset[str], Callable[[Moment], Any] | None]:
    """Returns the attributes that the served filter reads, and its results as a function of the moment.

    A version stores its filter with the segments it refers to written out. The filter as saved is that of the
    newest version; for an older one that is still served, the written-out filter is shown.
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
        types = accounts.types(connection, account_id)
        read_phone = phone_reader(accounts.country(connection, account_id))
        known = Behaviour(accounts.activities(connection, account_id))
        node = parse(effective, types, known, read_phone=read_phone, segments=reference, stored=True)
    except Invalid:
        # A filter that this release cannot read has put its segment in state `failed`, which the answer says.
        return frozenset(), None
    shown = customer.shown | {SEGMENT: named}

    def tree_at(moment: Moment) -> Any:
        amounts = measured.values(connection, account_id, customer.customer_no, node, moment)
        turns_at = measured.turning(connection, customer.customer_no, amounts, node, moment)
        values = customer.seen | amounts.compared
        return explain(raw, node, values, shown | amounts.shown, moment, turns_at=turns_at)

    return attributes_read(node), tree_at
