"""Versions: `/v1/segments/{id}/versions`, the filters that a dynamic segment has had, and what each changed.

To go back to one, edit the segment with its filter (`PATCH`, `If-Match`), after a look at the preview.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from typing_extensions import TypedDict

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.bodies import Filter
from api.http.shapes.openapi import answers
from api.http.shapes.segments import EXAMPLE_FILTER
from domain.filters.difference import differences
from projections.read import segments
from projections.read.segment_list import versions

router = APIRouter(prefix="/v1/segments", tags=["segments"], route_class=AccountRoute)
EXAMPLE: dict[str, Any] = {
    "version": 8812,
    "filter": EXAMPLE_FILTER,
    "filter_summary": "Plan equals gold",
    "set_at": "2026-05-20T10:00:00Z",
    "by": {"kind": "person", "id": "0f6c5c0e-7a52-4a0c-9f0e-1c2d3e4f5a6b", "name": "Ana Sá"},
    "size_at_first": 1190,
    "size_at_last": 1204,
    "changes": [{"before": "Plan equals silver", "after": "Plan equals gold"}],
}


class By(TypedDict):
    """A person or an API key; without a name once it was removed."""

    kind: Literal["person", "key"]
    id: str
    name: str | None


class Change(TypedDict):
    """What a version says otherwise than the one before it, in words: added, removed, or changed."""

    before: str | None
    after: str | None


class Version(TypedDict):
    """A filter that the segment had."""

    version: Annotated[int, Field(description="The position at which it was set.")]
    filter: Filter
    filter_summary: str
    set_at: datetime
    by: Annotated[By | None, Field(description="Who set it; null where that was not recorded.")]
    size_at_first: Annotated[int | None, Field(description="Members once it was set; null: replaced before that.")]
    size_at_last: Annotated[int | None, Field(description="Members when it was replaced, or now.")]
    changes: list[Change]


class Versions(TypedDict):
    """The newest 200 filters of a segment, newest first."""

    data: list[Version]


@router.get(
    "/{segment_id}/versions",
    operation_id="list_versions",
    response_model=Versions,
    responses=answers({200: ("The filters it has had, newest first.", {"data": [EXAMPLE]})}, 404, 504),
)
def list_versions(services: ServicesDep, caller: Reader, segment_id: PathId) -> Response:
    """List the filters that a segment has had: who set which when, its size then, and what changed, in words."""
    with snapshot(services, caller.account_id) as (connection, position):
        segment = require_segment(connection, caller.account_id, segment_id)
        found = versions.page(connection, caller.account_id, segment.segment_no, segment.members)
        words = segments.words(connection, caller.account_id, (each.filter for each in found))
        actors = versions.actors(connection, caller.account_id, (each.by for each in found))
    body: Versions = {
        "data": [
            {
                "version": each.version_no,
                "filter": each.filter,
                "filter_summary": words.summary(each.filter),
                "set_at": each.at,
                "by": _by(actors.get(each.by or "")),
                "size_at_first": each.size_at_first,
                "size_at_last": each.size_at_last,
                "changes": [
                    {"before": change.before, "after": change.after}
                    for change in (differences(older.filter, each.filter, words) if older else [])
                ],
            }
            for each, older in pairwise([*found, None])
            if each is not None
        ]
    }
    return answer(body, position)


def _by(actor: versions.Actor | None) -> By | None:
    return None if actor is None else {"kind": actor.kind, "id": actor.id, "name": actor.name}
