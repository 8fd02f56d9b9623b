"""The Segments page: the segments of the account, with a filter panel, a menu on each row, ticks, and paging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.console.segment_list.sparkline import sparkline
from api.console.segments.form import SEGMENTS_PATH
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import TEXT_PATTERN, PathId, parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from api.http.shapes.segments import show_segment
from domain.texts.language import Language
from projections.read import accounts, segments
from projections.read.segment_list import listing, sizes
from projections.read.segment_list.listing import Sort, Wanted
from projections.read.segments import SegmentRow
from projections.records.segment_list import favourites

router = APIRouter(prefix="/segments", route_class=AccountRoute)
Text = Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)]


class Asked(NamedTuple):
    """What an address asks for, as its form has it."""

    name: str = ""
    kind: str = ""
    label: str = ""
    shown: str = ""
    sort: Sort = listing.NEWEST_FIRST

    @property
    def params(self) -> dict[str, str]:
        """The query that asks for it, without what goes without saying."""
        usual = {"sort": listing.NEWEST_FIRST}
        given = {"name": self.name, "type": self.kind, "label": self.label, "show": self.shown, "sort": self.sort}
        return {name: value for name, value in given.items() if value and value != usual.get(name)}

    @property
    def is_filtered(self) -> bool:
        """Whether some segments may be left out."""
        return bool(self.name.strip() or self.kind or self.label or self.shown)

    def wanted(self, favourite_ids: Sequence[UUID]) -> Wanted:
        """Returns which segments a person with these favourites is shown."""
        return Wanted(
            self.name.strip() or None,
            self.kind or None,
            parse_uuid(self.label) if self.label else None,
            archived=self.shown == "archived",
            unused=self.shown == "unused",
            among=favourite_ids if self.shown == "favourites" else None,
        )


def asked(
    name: Text = "",
    kind: Annotated[Literal["static", "dynamic", ""], Query(alias="type")] = "",
    label: Annotated[str, Query(max_length=36, pattern="^([0-9a-f-]{36})?$")] = "",
    shown: Annotated[Literal["", "favourites", "unused", "archived"], Query(alias="show")] = "",
    sort: Sort = listing.NEWEST_FIRST,
) -> Asked:
    """Returns what an address asks for."""
    return Asked(name, kind, label, shown, sort)


@router.get("")
def list_segments(
    request: Request, services: ServicesDep, user: SignedIn, pager: Paged, wanted: Annotated[Asked, Depends(asked)]
) -> Response:
    """Lists segments, newest first where nothing else is asked for."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        mine = favourites.of_person(connection, account_id, user.person_id)
        chosen = wanted.wanted(mine)
        after = (
            None
            if pager.after_number is None
            else listing.key_at(connection, account_id, pager.after_number, wanted.sort)
        )
        rows = listing.page(connection, account_id, chosen, wanted.sort, after=after, limit=pager.limit)
        page = pager.page(rows, lambda row: str(row.segment_no), listing.count(connection, account_id, chosen))
        values = _row_values(connection, services, user, page.rows, position, language_of(request))
        labels = listing.labels(connection, account_id)
    values |= {
        "page": page,
        "asked": wanted,
        "labels": labels,
        "favourites": {*mine},
        "position": position,
        "address_without_sort": _address_without_sort(pager, wanted),
    }
    return show(request, "segments.html", values)


@router.post("/{segment_id}/favourite")
def mark_favourite(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> Response:
    """Makes a segment a favourite of the person, or ends that."""
    favourite = form.text("favourite") == "yes"
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
    favourites.mark(services.database, user.account_id, user.person_id, segment.segment_id, favourite=favourite)
    if "hx-request" in request.headers:
        return show(request, "segment_star.html", {"segment": segment, "is_favourite": favourite})
    language = language_of(request)
    if favourite:
        text = language.gettext("%(name)s is one of your favourites", name=segment.name)
    else:
        text = language.gettext("%(name)s is no longer one of your favourites", name=segment.name)
    return done(request, text, SEGMENTS_PATH)


def _row_values(
    connection: Any,
    services: ServicesDep,
    user: SignedInUser,
    rows: Sequence[SegmentRow],
    position: int,
    language: Language,
) -> dict[str, Any]:
    account_id = user.account_id
    words = segments.words(connection, account_id, (row.filter for row in rows)).spoken(language)
    calendar, _ = accounts.calendar(connection, account_id)
    recent = sizes.recent_days(connection, account_id, rows, calendar, services.rollcall.now())
    return {
        "zone": words.zone,
        "segments": [show_segment(row, words.summary(row.filter), position) for row in rows],
        "lines": {row.segment_id: sparkline(recent[row.segment_no]) for row in rows},
        "uses": listing.uses(connection, account_id, [row.segment_id for row in rows]),
    }


def _address_without_sort(pager: Pager, wanted: Asked) -> dict[str, Any]:
    return {name: value for name, value in wanted.params.items() if name != "sort"} | {"rows": pager.per_page}
