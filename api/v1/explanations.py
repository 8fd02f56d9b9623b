"""Explanation: `/v1/segments/{id}/customers/{customer_id}/explanation`. Why she is in a segment, or is not.

Evaluated with what the projection worker evaluates with, at the instant at which it did so last: the result
is her membership. Of a segment being recomputed, the filter that is still served is explained. The console
asks `why` as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.context import Here
from api.http.parameters import PathId, uuid_in
from api.http.read_your_writes import MinPosition, snapshot
from api.http.responses import answer
from api.v1.segments import find
from api.v1.shapes.memberships import Explanation
from api.v1.shapes.openapi import answers
from api.v1.shapes.segments import EXAMPLE as EXAMPLE_SEGMENT
from api.v1.shapes.segments import state_of
from domain.errors import Invalid, NotFound
from domain.filters.conditions import attributes_read, parse
from domain.filters.explanation import explain, missing
from domain.filters.nesting import SEGMENT, Reference, segments_named
from domain.moments import Days, Moment, from_micros, micros
from projections.read import accounts, explanations, history, segments
from projections.read.explanations import EventDetails, ExplainedCustomer
from projections.read.history import LastChange
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/v1/segments", tags=["members"])
EXAMPLE: dict[str, Any] = {
    "segment_id": EXAMPLE_SEGMENT["id"],
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "member": True,
    "since": "2026-05-20T10:00:00Z",
    "cause": {
        "event": 8812, "event_type": "rollcall.customer.changed", "type": "change", "at": "2026-05-20T10:00:00Z",
        "source": "/crm", "change_id": "a-1",
    },
    "state": "current",
    "evaluated_at": "2026-05-21T08:30:00Z",
    "filter": {
        "pointer": "/filter", "group": "all", "result": True,
        "nodes": [{
            "pointer": "/filter/0", "attribute": "plan", "operator": "equals", "value": "gold", "actual": "gold",
            "result": True,
        }],
    },
    "missing": [],
}  # fmt: skip


class Why(NamedTuple):
    """What there is to say about one customer and one segment; `since` is `None` of a non-member.

    `last` is what happened to her membership last and `told` the event that did it, `None` where nothing ever
    happened. `tree_at` gives the filter that is served with its results at a moment; it is `None` where there is none.
    """

    customer_id: UUID
    person: ExplainedCustomer
    since: datetime | None
    last: LastChange | None
    told: EventDetails | None
    days: Days
    moment: Moment
    reads: frozenset[str]
    tree_at: Callable[[Moment], Any] | None

    @property
    def tree(self) -> Any:
        """The filter with its results as of the last evaluation."""
        return None if self.tree_at is None else self.tree_at(self.moment)


@router.get(
    "/{segment_id}/customers/{customer_id}/explanation",
    operation_id="explain_membership",
    response_model=Explanation,
    responses=answers({200: ("Why.", EXAMPLE)}, 404, 504),
)
def explain_membership(
    here: Here, caller: Reader, segment_id: PathId, customer_id: PathId, min_position: MinPosition = None
) -> Response:
    """Explain why a customer is in a segment or not: each condition with her value, since when, by which event."""
    account_id = caller.account_id
    with snapshot(here, account_id, min_position, uuid_in(segment_id)) as (connection, position):
        segment = find(connection, account_id, segment_id)
        found = why(connection, account_id, segment, customer_id)
        tree = found.tree
        body = {
            "segment_id": segment.segment_id,
            "customer_id": found.customer_id,
            "member": found.since is not None,
            "since": found.since,
            "cause": None if found.last is None else _cause(found.last, found.told),
            "state": state_of(segment),
            "evaluated_at": from_micros(found.moment.micros),
            "filter": tree,
            "missing": [] if tree is None or found.since is not None else list(missing(tree)),
        }
    return answer(body, position)


def why(connection: Any, account_id: UUID, segment: SegmentRow, customer_id: str) -> Why:
    """Why a customer is in a segment or not, in the caller's snapshot. Raises `NotFound`."""
    asked = uuid_in(customer_id)
    person = None if asked is None else explanations.customer(connection, account_id, asked)
    if asked is None or person is None:
        raise NotFound("customer_not_found", "no such customer in this account")
    since = explanations.joined_at(connection, segment.serving, person.customer_no)
    source = history.served_versions(connection, account_id, segment.segment_no)
    last = history.last_change(connection, source, person.customer_no)
    told = None if last is None else explanations.event(connection, account_id, last.position)
    days, passed_to = accounts.calendar(connection, account_id)
    moment = days.moment(micros(max(passed_to, person.updated_at)))
    reads, tree_at = _tree(connection, account_id, segment, person)
    return Why(asked, person, since, last, told, days, moment, reads, tree_at)


def _tree(
    connection: Any, account_id: UUID, segment: SegmentRow, person: ExplainedCustomer
) -> tuple[frozenset[str], Callable[[Moment], Any] | None]:
    """The faces that the served filter reads, and how its results stand; none where it cannot be read.

    A version keeps its filter with those of the segments it names written out. As saved it is known of the newest
    one; of an older one that is still served, those of the segments are shown in the place of their names.
    """
    version = segment.serving or segment.building
    effective = None if version is None else explanations.filter_of(connection, version)
    if effective is None:
        return frozenset(), None
    newest = segment.serving is None or state_of(segment) == "current"
    raw = segment.filter if newest else effective
    named = explanations.segments_of(connection, account_id, person.customer_no, segments_named(raw))

    def reference(segment_id: str) -> Reference | None:
        found = segments.by_id(connection, account_id, UUID(segment_id))
        return (
            None
            if found is None
            else Reference(found.name, "static" if found.type == "static" else "dynamic", found.filter)
        )

    try:
        node = parse(effective, accounts.types(connection, account_id), segments=reference, limited=False)
    except Invalid:
        # A filter that this version cannot read has put its segment in error, which `state` says.
        return frozenset(), None
    shown = person.shown | {SEGMENT: named}
    return attributes_read(node), lambda moment: explain(raw, node, person.seen, shown, moment)


def _cause(last: LastChange, event: EventDetails | None) -> dict[str, Any]:
    # What else the event that let time go on told is not why.
    told = event if last.cause != "time" else None
    return {
        "event": last.position,
        "event_type": None if event is None else event.type,
        "type": last.cause,
        "at": last.at,
        "source": None if told is None else told.source,
        "change_id": None if told is None else told.change_id,
    }
