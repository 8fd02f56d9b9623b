"""Overlap: `POST /v1/campaigns/overlap`. Who is in several of some segments, and what each one adds or takes away."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.json_body import Body, parse_body
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_scan_place
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.campaigns import EXAMPLE, EXAMPLE_OVERLAP, OverlapBody, SegmentOverlap, show_overlap
from api.http.shapes.openapi import answers, takes
from domain.campaign import check_lists
from projections.read import segments
from projections.read.audiences import overlap

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], route_class=AccountRoute)


@router.post(
    "/overlap",
    operation_id="compare_segments",
    response_model=SegmentOverlap,
    responses=answers({200: ("How they overlap now.", EXAMPLE_OVERLAP)}, 400, 409, 413, 415),
    openapi_extra=takes(OverlapBody, {"segment_ids": EXAMPLE["segment_ids"]}),
)
def compare_segments(services: ServicesDep, caller: Reader, body: Body) -> WaitingAnswer:
    """Count exactly how segments overlap: who is in two of them, what each one adds or takes away; nothing is stored.

    Counts of an account are made one after the other, as previews are; where many wait, more are refused.
    """
    asked = parse_body(body, OverlapBody)
    alone = yield from wait_for_scan_place()
    with snapshot(services, caller.account_id) as (connection, position):
        ids = {*asked.segment_ids, *asked.exclude_segment_ids}
        rows = segments.by_ids(connection, caller.account_id, ids)
        lists = check_lists(rows, segment_ids=asked.segment_ids, exclude_segment_ids=asked.exclude_segment_ids)
        included, left_out = ([rows[each] for each in ids or ()] for ids in lists.values())
        found = overlap.of_segments(connection, caller.account_id, included, left_out, alone=alone)
    return answer(show_overlap(found), position)
