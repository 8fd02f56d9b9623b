"""Segments: `/v1/segments`. Create, list, read, edit, delete; their members are in `api.v1.members`.

An edit of a dynamic segment's filter answers when the new members are served, or after a short wait
with `members.state` = `recomputing`; the old members are served whole until then.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lookup import ask_for_segment, parse_segment_id, require_segment
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, IfMatch, PathId, SearchText, parse_if_match
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_edit_place, wait_until_visible
from api.http.responses import answer, no_content, stored
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, or_stored, takes
from api.http.shapes.pages import PageOf
from api.http.shapes.segments import (
    EXAMPLE,
    EXAMPLE_FILTER,
    EXAMPLE_USE,
    Segment,
    SegmentBody,
    SegmentPatch,
    Uses,
    show_segment,
    show_use,
)
from domain.commands.log import Saved
from domain.errors import NotFound, Unavailable
from domain.segment import SegmentDraft, SegmentEdit
from projections.read import segments
from projections.read.segment_list import listing
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/v1/segments", tags=["segments"], route_class=AccountRoute)
Kind = Annotated[Literal["static", "dynamic"] | None, Query(alias="type")]
LabelId = Annotated[UUID | None, Query(description="Only segments with this label.")]
Unused = Annotated[
    Literal["nothing"] | None, Query(description="`nothing`: only those that no campaign or filter uses.")
]
Archived = Annotated[Literal["true", "false", "any"], Query(description="Archived ones, the others, or both.")]
Order = Annotated[listing.Sort, Query(description="The order; with `-` from the newest, largest or last one on.")]


def wanted_segments(
    name: SearchText = None,
    kind: Kind = None,
    label: LabelId = None,
    used_in: Unused = None,
    archived: Archived = "false",
) -> listing.Wanted:
    """Returns which segments a request asks for."""
    is_archived = {"true": True, "false": False}.get(archived)
    return listing.Wanted(name, kind, label, is_archived, unused=used_in is not None)


WantedSegments = Annotated[listing.Wanted, Depends(wanted_segments)]


@router.post(
    "",
    operation_id="create_segment",
    status_code=201,
    response_model=Segment,
    responses=or_stored(
        answers(
            {201: ("The segment.", EXAMPLE)},
            400,
            409,
            413,
            415,
            headers=("Rollcall-Position", "ETag", "Location"),
        )
    ),
    openapi_extra=takes(SegmentBody, {"name": "Premium customers", "type": "dynamic", "filter": EXAMPLE_FILTER}),
)
def create_segment(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create a segment: a static list, or a dynamic one whose members follow from its filter."""
    asked = parse_body(body, SegmentBody)
    draft = SegmentDraft(asked.name, asked.description, asked.type, asked.filter, asked.label_ids)

    def work(identity: UUID | None) -> WaitingAnswer:
        if asked.filter is not None:
            yield from wait_for_edit_place()
        now = services.rollcall.now()
        saved = services.rollcall.segments.create(caller.account_id, draft, identity, by=caller.by)
        expected = SegmentRow.not_yet_projected(saved.id, saved.version, draft, now, saved.position)
        return (yield from _answer_write(services, caller, saved, expected, status=201))

    return (yield from answer_once(services, caller, idempotency_key, ("POST /v1/segments", body), work))


@router.get(
    "",
    operation_id="list_segments",
    response_model=PageOf[Segment],
    responses=answers({200: ("Segments, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_segments(
    services: ServicesDep,
    caller: Reader,
    page: Page,
    wanted: WantedSegments,
    sort: Order = listing.NEWEST_FIRST,
) -> Response:
    """List segments, newest first; `name` finds those whose name holds it, in any case."""
    account_id = caller.account_id
    after = None if page.after is None else _key_of_cursor(page.after, sort)
    with snapshot(services, account_id) as (connection, position):
        rows = listing.page(connection, account_id, wanted, sort, after=after, limit=page.fetch)
        words = segments.words(connection, account_id, (row.filter for row in rows))
        body = page.page(
            rows,
            lambda row: show_segment(row, words.summary(row.filter), position),
            lambda row: listing.key_of(row, sort),
            lambda: listing.count(connection, account_id, wanted),
        )
    return answer(body, position)


@router.get(
    "/{segment_id:segment}",
    operation_id="get_segment",
    response_model=Segment,
    responses=answers({200: ("The segment.", EXAMPLE)}, 404, 504, headers=("Rollcall-Position", "ETag")),
)
def get_segment(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
) -> Response:
    """Read a segment with the count of its members."""
    row, summary, position = ask_for_segment(services.reads, caller.account_id, segment_id)
    return answer(show_segment(row, summary, position), position, version=row.version)


@router.patch(
    "/{segment_id:segment}",
    operation_id="edit_segment",
    response_model=Segment,
    responses=or_stored(
        answers(
            {200: ("The segment.", EXAMPLE)},
            400,
            404,
            409,
            412,
            413,
            415,
            headers=("Rollcall-Position", "ETag"),
        )
    ),
    openapi_extra=takes(SegmentPatch, {"name": "Gold customers", "filter": EXAMPLE_FILTER}),
)
def edit_segment(
    services: ServicesDep, caller: Admin, segment_id: PathId, body: Body, if_match: IfMatch = None
) -> WaitingAnswer:
    """Change a segment's name, description, filter or labels, archive or restore it; what is absent stays."""
    version = parse_if_match(if_match)
    asked = parse_body(body, SegmentPatch)
    changes = {field: getattr(asked, field) for field in asked.model_fields_set}
    if "filter" in changes:
        yield from wait_for_edit_place()
    now = services.rollcall.now()
    saved = services.rollcall.segments.edit(
        caller.account_id, parse_segment_id(segment_id), SegmentEdit(**changes), version, by=caller.by
    )
    return (yield from _answer_write(services, caller, saved, _as_stored(services, caller, saved, now)))


@router.delete(
    "/{segment_id:segment}",
    operation_id="delete_segment",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Deleted; its customers are not.", None)}, 400, 404, 409, 412),
)
def delete_segment(services: ServicesDep, caller: Admin, segment_id: PathId, if_match: IfMatch = None) -> WaitingAnswer:
    """Delete a segment that no other segment's filter names. Its customers stay."""
    wanted = parse_segment_id(segment_id)
    expected = parse_if_match(if_match)
    position = services.rollcall.segments.delete(caller.account_id, wanted, expected, by=caller.by)
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)


@router.get(
    "/{segment_id}/uses",
    operation_id="list_uses",
    response_model=Uses,
    responses=answers({200: ("What uses the segment, by name.", {"data": [EXAMPLE_USE]})}, 404, 504),
)
def list_uses(services: ServicesDep, caller: Reader, segment_id: PathId) -> Response:
    """List the campaigns that are for a segment, or leave it out, and the segments whose filters name it."""
    with snapshot(services, caller.account_id) as (connection, position):
        row = require_segment(connection, caller.account_id, segment_id)
        used = listing.uses(connection, caller.account_id, [row.segment_id]).get(row.segment_id, [])
    body: Uses = {"data": [show_use(each) for each in used]}
    return answer(body, position)


def _key_of_cursor(after: list[Any], sort: listing.Sort) -> tuple[Any, int]:
    """Returns the key in a cursor, whose instant is a text."""
    key, segment_no = after
    return (datetime.fromisoformat(key) if sort.endswith("updated") else key), int(segment_no)


def _as_stored(services: Services, caller: Caller, saved: Saved, now: datetime) -> SegmentRow | None:
    """Returns a segment as the log has it, with the members that the read model has; `None` where neither answers."""
    with suppress(Unavailable, NotFound), services.database.transaction(caller.account_id) as connection:
        kept = services.rollcall.segments.read(caller.account_id, saved.id)
        row = segments.by_id(connection, caller.account_id, saved.id)
        if row is None:
            draft = SegmentDraft(kept.name, kept.description, kept.type, kept.filter, kept.label_ids)
            row = SegmentRow.not_yet_projected(saved.id, kept.version, draft, kept.created_at or now, saved.position)
        return row._replace(
            name=kept.name,
            description=kept.description,
            filter=kept.filter,
            version=kept.version,
            updated_at=now,
            label_ids=kept.label_ids,
            archived=kept.archived,
        )
    return None


def _answer_write(
    services: Services, caller: Caller, saved: Saved, expected: SegmentRow | None, status: int = 200
) -> WaitingAnswer:
    """Returns a segment after a write: as the read model has it by now, or, while that lags, as expected."""
    yield from wait_until_visible(services, caller.account_id, saved.position, saved.id)
    try:
        with snapshot(services, caller.account_id) as (connection, position):
            seen = segments.by_id(connection, caller.account_id, saved.id)
            row = seen if seen is not None and position >= saved.position else expected
            if row is None:
                return stored(saved, f"/v1/segments/{saved.id}")
            summary = segments.words(connection, caller.account_id, [row.filter]).summary(row.filter)
    except Unavailable:
        return stored(saved, f"/v1/segments/{saved.id}")
    location = f"/v1/segments/{saved.id}" if status == 201 else None
    return answer(
        show_segment(row, summary, position), saved.position, status=status, version=row.version, location=location
    )
