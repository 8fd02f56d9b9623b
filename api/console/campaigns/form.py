"""Create Campaign and Edit Campaign: a name, the segments it is for, and those it leaves out.

What was chosen travels with every request of the form, so that searching among a thousand segments loses no choice.
An edit names a list only where it differs from what was there: what a list lost is settled by a choice of this very
list and never by the way, so that no audience widens by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Form, Request, Response

from api.console.campaigns import reach
from api.console.web.rendering import done, show
from api.console.web.session import Person, SignedIn
from api.http.context import Context, Here
from api.http.lookup import require_campaign
from api.http.parameters import TEXT_PATTERN, PathId, uuid_in
from api.http.read_your_writes import settle, snapshot
from domain.campaign import CampaignDraft, CampaignEdit
from domain.errors import Invalid, StaleVersion
from domain.segment import KEEP
from domain.values import fold
from projections.read import segments
from projections.read.campaigns import CampaignRow
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/campaigns")
AT_ONCE = 25
SearchField = Annotated[str, Form(max_length=200, pattern=TEXT_PATTERN)]
GONE = "A segment that was chosen is there no more. The others are as you chose them: look again, then save."
NOTHING = "Choose at least one segment."
FIELDS = {"name": "name", "segment_ids": "segments", "exclude_segment_ids": "excluded"}


class Searched(NamedTuple):
    """What is typed into the searches of the two lists."""

    segments: str
    excluded: str


class Input(NamedTuple):
    """What the form holds. `version` is that of the campaign it began from; `settled`: see the template."""

    name: str = ""
    segments: tuple[UUID, ...] = ()
    excluded: tuple[UUID, ...] = ()
    find: Searched = Searched("", "")
    version: int | None = None
    settled: bool = False
    token: str = ""
    searching: bool = False


class Matches(NamedTuple):
    """One list as it is offered: who is chosen, then who else matches what is searched for, and how many those are."""

    field: str
    chosen: list[SegmentRow]
    others: list[SegmentRow]
    total: int
    find: str


def searched(find_segments: SearchField = "", find_excluded: SearchField = "") -> Searched:
    """The searches as they were sent."""
    return Searched(find_segments, find_excluded)


def filled(
    find: Annotated[Searched, Depends(searched)],
    name: Annotated[str, Form()] = "",
    segments: Annotated[list[str] | None, Form()] = None,
    excluded: Annotated[list[str] | None, Form()] = None,
    version: Annotated[int | None, Form(ge=0, le=2**62)] = None,
    settled: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
    search: Annotated[str, Form()] = "",
) -> Input:
    """The form as it was sent."""
    included, left_out = (
        tuple(found for each in ids or () if (found := uuid_in(each))) for ids in (segments, excluded)
    )
    return Input(name, included, left_out, find, version, bool(settled), token, bool(search))


Filled = Annotated[Input, Depends(filled)]


@router.get("/new")
def new(request: Request, here: Here, person: SignedIn) -> Response:
    """The empty form."""
    return _show(request, here, person, Input(token=str(uuid4())))


@router.post("/new")
def create(request: Request, here: Here, person: SignedIn, asked: Filled) -> Response:
    """Create the campaign; the same form sent twice creates one."""
    if asked.searching:
        return _show(request, here, person, asked)
    draft = CampaignDraft(asked.name, asked.segments, asked.excluded)
    try:
        _check(asked)
        saved = here.rollcall.campaigns.create(person.account_id, draft, uuid5(person.account_id, repr(asked)))
    except Invalid as mistakes:
        return _show(request, here, person, asked, errors=_errors(mistakes))
    settle(here, person.account_id, saved.position)
    return done(request, f"{asked.name.strip()} was created", f"/console/campaigns/{saved.id}")


@router.get("/{campaign_id}/edit")
def edit(request: Request, here: Here, person: SignedIn, campaign_id: PathId) -> Response:
    """The form with what the campaign is now."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_campaign(connection, person.account_id, campaign_id)
    asked = Input(row.name, tuple(row.segment_ids), tuple(row.exclude_segment_ids), version=row.version)
    return _show(request, here, person, asked, row)


@router.post("/{campaign_id}/edit")
def save(request: Request, here: Here, person: SignedIn, campaign_id: PathId, asked: Filled) -> Response:
    """Save what differs; where somebody else was first, show what became of the campaign and let her decide."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_campaign(connection, person.account_id, campaign_id)
    if asked.searching:
        return _show(request, here, person, asked, row)
    change = CampaignEdit(
        asked.name,
        KEEP if list(asked.segments) == row.segment_ids else asked.segments,
        KEEP if list(asked.excluded) == row.exclude_segment_ids and not asked.settled else asked.excluded,
    )
    try:
        _check(asked)
        saved = here.rollcall.campaigns.edit(person.account_id, row.campaign_id, change, asked.version)
    except Invalid as mistakes:
        return _show(request, here, person, asked, row, errors=_errors(mistakes))
    except StaleVersion as stale:
        settle(here, person.account_id, here.rollcall.head())
        with snapshot(here, person.account_id) as (connection, _):
            row = require_campaign(connection, person.account_id, campaign_id)
        return _show(request, here, person, asked._replace(version=stale.current), row, stale=True)
    settle(here, person.account_id, saved.position)
    return done(request, f"{asked.name.strip()} was saved", f"/console/campaigns/{row.campaign_id}")


@router.post("/choices/{field}")
def choices(request: Request, here: Here, person: SignedIn, field: str, asked: Filled) -> Response:
    """One of the two lists, for what is being searched."""
    with snapshot(here, person.account_id) as (connection, _):
        lists = reach.chosen(connection, person.account_id, asked.segments, asked.excluded)
        offered = _offered(connection, person.account_id, asked, lists)
    return show(request, "campaign_choices.html", {"list": offered["excluded" if field == "excluded" else "segments"]})


@router.post("/reach")
def count(request: Request, here: Here, person: SignedIn, asked: Filled) -> Response:
    """Whom the segments chosen so far reach."""
    with snapshot(here, person.account_id) as (connection, _):
        lists = reach.chosen(connection, person.account_id, asked.segments, asked.excluded)
        found = reach.reach(connection, person.account_id, lists)
    return show(request, "campaign_reach.html", {"lists": lists, "reach": found})


def _show(
    request: Request,
    here: Context,
    person: Person,
    asked: Input,
    row: CampaignRow | None = None,
    errors: Mapping[str, str] | None = None,
    stale: bool = False,
) -> Response:
    with snapshot(here, person.account_id) as (connection, _):
        lists = reach.chosen(connection, person.account_id, asked.segments, asked.excluded)
        values: dict[str, Any] = {
            "person": person, "active": "campaigns", "asked": asked, "campaign": row, "errors": errors or {},
            "offered": _offered(connection, person.account_id, asked, lists), "stale": stale, "theirs": None,
        }  # fmt: skip
        if row is not None and stale:
            values["theirs"] = reach.chosen(connection, person.account_id, row.segment_ids, row.exclude_segment_ids)
    return show(request, "campaign_form.html", values, 412 if stale else 422 if errors else 200)


def _offered(connection: Any, account_id: UUID, asked: Input, lists: reach.Chosen) -> dict[str, Matches]:
    typed = asked.find._asdict()
    offered = {}
    for field, rows in zip(typed, lists, strict=True):
        text = typed[field].strip() or None
        ids = {row.segment_id for row in rows}
        # Those that are chosen stand on top already; so many more are read that a page is full without them.
        found = segments.page(connection, account_id, name=text, kind=None, before=None, limit=AT_ONCE + len(ids))
        others = [row for row in found if row.segment_id not in ids]
        total = segments.count(connection, account_id, name=text, kind=None)
        of_chosen = sum(text is None or fold(text) in fold(row.name) for row in rows)
        offered[field] = Matches(field, rows, others[:AT_ONCE], total - of_chosen, typed[field])
    return offered


def _check(asked: Input) -> None:
    if not asked.segments:
        raise Invalid.at("/segment_ids", "segment_required", NOTHING)


def _errors(mistakes: Invalid) -> dict[str, str]:
    """What is wrong, by field of the form."""
    errors: dict[str, str] = {}
    for each in mistakes.errors:
        field = FIELDS.get(each.pointer.split("/")[1], "")
        errors.setdefault(field, GONE if each.code == "unknown_segment" else each.detail)
    return errors
