"""Beside the name of a segment in its form: whether other segments have this name already, which is allowed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.parameters import TEXT_PATTERN, parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from projections.read.segment_list import listing

router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.get("/name-taken")
def name_taken(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    name: Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)] = "",
    own: Annotated[str, Query(max_length=36)] = "",
    copy_name: Annotated[str, Query(alias="copy-name", max_length=200, pattern=TEXT_PATTERN)] = "",
) -> Response:
    """Shows whether segments other than the one with the id `own` have a name; a copy's is in a field of its own."""
    name = name or copy_name
    with snapshot(services, user.account_id) as (connection, _):
        found = listing.ids_of_name(connection, user.account_id, name) if name.strip() else []
    return show(
        request, "segment_name_taken.html", {"others": len([each for each in found if each != parse_uuid(own)])}
    )
