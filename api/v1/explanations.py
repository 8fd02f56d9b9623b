"""Explanation: `/v1/segments/{id}/customers/{customer_id}/explanation`. Why a customer is in a segment, or is not.

Evaluated with what the projection worker evaluates with, at the instant at which it did so last: the result
is their membership. Of a segment being recomputed, the filter that is still served is explained.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lookup import require_explanation, require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.memberships import EXAMPLE_EXPLANATION, Explanation, show_cause
from api.http.shapes.openapi import answers
from domain.filters.explanation import missing
from domain.instants import from_micros

router = APIRouter(prefix="/v1/segments", tags=["members"], route_class=AccountRoute)


@router.get(
    "/{segment_id}/customers/{customer_id}/explanation",
    operation_id="explain_membership",
    response_model=Explanation,
    responses=answers({200: ("Why.", EXAMPLE_EXPLANATION)}, 404, 504),
)
def explain_membership(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    customer_id: PathId,
) -> Response:
    """Explain why a customer is in a segment or not: each condition with their value, since when, by which event."""
    account_id = caller.account_id
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        explained = require_explanation(connection, account_id, segment, customer_id)
        tree = explained.tree
        body: Explanation = {
            "segment_id": segment.segment_id,
            "customer_id": explained.customer_id,
            "member": explained.since is not None,
            "since": explained.since,
            "cause": None if explained.last is None else show_cause(explained.last, explained.event),
            "state": segment.state,
            "evaluated_at": from_micros(explained.moment.micros),
            "filter": tree,
            "missing": [] if tree is None or explained.since is not None else list(missing(tree)),
        }
    return answer(body, position)
