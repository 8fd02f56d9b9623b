"""Explanation: `/v1/segments/{id}/customers/{customer_id}/explanation`. Why she is in a segment, or is not.

Evaluated with what the projection worker evaluates with, at the instant at which it did so last: the result
is their membership. Of a segment being recomputed, the filter that is still served is explained.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.context import Here
from api.http.lookup import require_explanation, require_segment
from api.http.parameters import PathId, uuid_in
from api.http.read_your_writes import MinPosition, snapshot
from api.http.responses import answer
from api.http.shapes.memberships import Explanation
from api.http.shapes.openapi import answers
from api.http.shapes.segments import EXAMPLE as EXAMPLE_SEGMENT
from domain.filters.explanation import missing
from domain.moments import from_micros
from projections.read.explanations import Told
from projections.read.history import Last

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
        segment = require_segment(connection, account_id, segment_id)
        found = require_explanation(connection, account_id, segment, customer_id)
        tree = found.tree
        body = {
            "segment_id": segment.segment_id,
            "customer_id": found.customer_id,
            "member": found.since is not None,
            "since": found.since,
            "cause": None if found.last is None else _cause(found.last, found.event),
            "state": segment.state,
            "evaluated_at": from_micros(found.moment.micros),
            "filter": tree,
            "missing": [] if tree is None or found.since is not None else list(missing(tree)),
        }
    return answer(body, position)


def _cause(last: Last, event: Told | None) -> dict[str, Any]:
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
