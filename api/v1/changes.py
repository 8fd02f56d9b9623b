"""The change stream of a segment: `/v1/segments/{id}/changes`, by cursor what `rollcall.memberships.v1` publishes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lists.fields import FieldsText, change_fields
from api.http.lookup import require_segment
from api.http.paging import Limit
from api.http.parameters import PathId
from api.http.problems import RequestError
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.memberships import EXAMPLE_CHANGE, Changes
from api.http.shapes.openapi import answers
from projections.read.streams import changes

router = APIRouter(prefix="/v1/segments", tags=["changes"], route_class=AccountRoute)
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next_after` of the answer before; 0 for all.")]


@router.get(
    "/{segment_id}/changes",
    operation_id="list_changes",
    response_model=Changes,
    responses=answers(
        {200: ("Changes, oldest first.", {"data": [EXAMPLE_CHANGE], "next_after": 1204, "more": False})}, 404, 410, 504
    ),
)
def list_changes(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    after: After = 0,
    limit: Limit = 50,
    fields: FieldsText = None,
) -> Response:
    """List who joined and left, in the order in which readers saw it.

    Changes are kept for some weeks. A cursor older than that is answered with 410 `changes_forgotten`: read the
    segment's members again, then ask from the `next_after` that the answer names. `fields` adds fields of the customer,
    as they are now, to each change.
    """
    account_id = caller.account_id
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        chosen = change_fields(connection, account_id, fields)
        kept = changes.kept(connection)
        if after < kept.forgotten_to and segment.segment_no <= kept.forgotten_position:
            detail = (
                "changes so old are no longer kept; read the segment's members again, "
                f"then ask for the changes after={kept.last}"
            )
            raise RequestError(410, "changes_forgotten", detail, pointer="/query/after", next_after=kept.last)
        found = changes.of_segment(connection, account_id, segment.segment_no, chosen, after=after, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    # Past the changes of other segments too, so that a cursor used now and then is never too old.
    last = shown[-1].change_no if more else max(after, kept.last)
    return answer({"data": [each.record(chosen) for each in shown], "next_after": last, "more": more}, position)
