"""Explanation: `/v1/segments/{id}/customers/{customer_id}/explanation`. Why she is in a segment, or is not.

Evaluated with what the projection worker evaluates with, at the instant at which it did so last: the result
is their membership. Of a segment being recomputed, the filter that is still served is explained.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.context import Here
from api.http.lookup import require_explanation, require_segment
from api.http.parameters import PathId, uuid_in
from api.http.read_your_writes import MinPosition, snapshot
from api.http.responses import answer
from api.http.shapes.memberships import EXAMPLE_EXPLANATION, Explanation, show_cause
from api.http.shapes.openapi import answers
from domain.filters.explanation import missing
from domain.moments import from_micros

router = APIRouter(prefix="/v1/segments", tags=["members"])


@router.get(
    "/{segment_id}/customers/{customer_id}/explanation",
    operation_id="explain_membership",
    response_model=Explanation,
    responses=answers({200: ("Why.", EXAMPLE_EXPLANATION)}, 404, 504),
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
        body: Explanation = {
            "segment_id": segment.segment_id,
            "customer_id": found.customer_id,
            "member": found.since is not None,
            "since": found.since,
            "cause": None if found.last is None else show_cause(found.last, found.event),
            "state": segment.state,
            "evaluated_at": from_micros(found.moment.micros),
            "filter": tree,
            "missing": [] if tree is None or found.since is not None else list(missing(tree)),
        }
    return answer(body, position)
