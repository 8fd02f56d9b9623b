"""Create Campaign and Edit Campaign: a name, the segments to reach, and those to leave out.

Every request of the form contains what was chosen, so that searching among a thousand segments loses no choice.
An edit contains a list only where it differs from what is stored. If a segment to leave out was deleted, saving other
changes does not confirm the shorter list: only a choice in that list does, so that no audience grows by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Form, Request, Response

from api.console.campaigns import overlap, reach
from api.console.web.rendering import done, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_campaign
from api.http.parameters import TEXT_PATTERN, PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, Waits, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.campaign import CampaignDraft, CampaignEdit
from domain.errors import Invalid, NotFound, StaleVersion
from domain.segment import KEEP
from domain.texts.language import said
from domain.values import fold
from projections.read import segments
from projections.read.campaigns import CampaignRow
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/campaigns", route_class=AccountRoute)
MAX_OFFERED = 25
SearchField = Annotated[str, Form(max_length=200, pattern=TEXT_PATTERN)]
Search = Literal["", "1", "compare"]
SEGMENT_DELETED = said("A segment you chose no longer exists. The others are still chosen: check them, then save.")
CAMPAIGN_DELETED = said(
    "This campaign was deleted while you were editing it. What you typed is below: saving it makes a new one."
)
NO_SEGMENT = said("Choose at least one segment.")
FIELDS = {"name": "name", "segment_ids": "segments", "exclude_segment_ids": "excluded"}


class SearchTexts(NamedTuple):
    """What is typed into the searches of the two lists."""

    segments: str
    excluded: str


class CampaignInput(NamedTuple):
    """What the form contains. `version` is that of the campaign it began from; `confirmed` says that the list of
    segments to leave out is right although a segment in it was deleted; `search` that nothing is to be saved yet.
    """

    name: str = ""
    segments: tuple[UUID, ...] = ()
    excluded: tuple[UUID, ...] = ()
    find: SearchTexts = SearchTexts("", "")
    version: int | None = None
    confirmed: bool = False
    token: str = ""
    search: Search = ""


class OfferedSegments(NamedTuple):
    """One list of the form: the chosen segments, the first others that match the search, and how many match."""

    field: str
    chosen: list[SegmentRow]
    others: list[SegmentRow]
    total: int
    find: str


def search_texts(find_segments: SearchField = "", find_excluded: SearchField = "") -> SearchTexts:
    """Returns the searches as they were sent."""
    return SearchTexts(find_segments, find_excluded)


def campaign_input(
    find: Annotated[SearchTexts, Depends(search_texts)],
    name: Annotated[str, Form()] = "",
    segments: Annotated[list[str] | None, Form()] = None,
    excluded: Annotated[list[str] | None, Form()] = None,
    version: Annotated[int | None, Form(ge=0, le=2**62)] = None,
    confirmed: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
    search: Annotated[Search, Form()] = "",
) -> CampaignInput:
    """Returns the form as it was sent."""
    included, left_out = (
        tuple(found for each in ids or () if (found := parse_uuid(each))) for ids in (segments, excluded)
    )
    return CampaignInput(name, included, left_out, find, version, bool(confirmed), token, search)


PostedCampaign = Annotated[CampaignInput, Depends(campaign_input)]


@router.get("/new")
def new(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Shows the empty form."""
    return _show(request, services, user, CampaignInput(token=str(uuid4())))


@router.post("/new")
def create(request: Request, services: ServicesDep, user: SignedIn, typed: PostedCampaign) -> WaitingAnswer:
    """Creates the campaign; the same form sent twice creates one."""
    if typed.search:
        return (yield from _search(request, services, user, typed))
    draft = CampaignDraft(typed.name, typed.segments, typed.excluded)
    try:
        _check(typed)
        saved = services.rollcall.campaigns.create(user.account_id, draft, uuid5(user.account_id, repr(typed)))
    except Invalid as invalid:
        return _show(request, services, user, typed, errors=_errors(invalid))
    yield from wait_until_visible(services, user.account_id, saved.position)
    return done(request, said("%(name)s was created", name=typed.name.strip()), f"/console/campaigns/{saved.id}")


@router.get("/{campaign_id}/edit")
def edit(request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId) -> Response:
    """Shows the form with the campaign as it is stored."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
    typed = CampaignInput(row.name, tuple(row.segment_ids), tuple(row.exclude_segment_ids), version=row.version)
    return _show(request, services, user, typed, row)


@router.post("/{campaign_id}/edit")
def save(
    request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId, typed: PostedCampaign
) -> WaitingAnswer:
    """Saves what differs; after an edit by someone else, shows the stored campaign and lets the user decide."""
    try:
        return (yield from _save(request, services, user, campaign_id, typed))
    except NotFound:
        # Nothing that was typed is lost: it is the form of a new campaign now.
        fresh = typed._replace(version=None, token=str(uuid4()))
        answer = _show(request, services, user, fresh, errors={"": CAMPAIGN_DELETED})
        answer.status_code = 404
        return answer


def _save(
    request: Request, services: Services, user: SignedInUser, campaign_id: str, typed: CampaignInput
) -> WaitingAnswer:
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
    if typed.search:
        return (yield from _search(request, services, user, typed, row))
    change = CampaignEdit(
        typed.name,
        KEEP if list(typed.segments) == row.segment_ids else typed.segments,
        KEEP if list(typed.excluded) == row.exclude_segment_ids and not typed.confirmed else typed.excluded,
    )
    try:
        _check(typed)
        saved = services.rollcall.campaigns.edit(user.account_id, row.campaign_id, change, typed.version)
    except Invalid as invalid:
        return _show(request, services, user, typed, row, errors=_errors(invalid))
    except StaleVersion as stale:
        yield from wait_until_visible(services, user.account_id, services.rollcall.head())
        with snapshot(services, user.account_id) as (connection, _):
            row = require_campaign(connection, user.account_id, campaign_id)
        return _show(request, services, user, typed._replace(version=stale.current), row, stale=True)
    yield from wait_until_visible(services, user.account_id, saved.position)
    return done(request, said("%(name)s was saved", name=typed.name.strip()), f"/console/campaigns/{row.campaign_id}")


@router.post("/choices/{field}")
def choices(request: Request, services: ServicesDep, user: SignedIn, field: str, typed: PostedCampaign) -> Response:
    """Shows one of the two lists, for the search in it."""
    with snapshot(services, user.account_id) as (connection, _):
        lists = reach.chosen_segments(connection, user.account_id, typed.segments, typed.excluded)
        offered = _offered(connection, user.account_id, typed, lists)
    return show(request, "campaign_choices.html", {"list": offered["excluded" if field == "excluded" else "segments"]})


@router.post("/reach")
def count(request: Request, services: ServicesDep, user: SignedIn, typed: PostedCampaign) -> Response:
    """Shows how many customers the segments chosen so far reach."""
    with snapshot(services, user.account_id) as (connection, _):
        lists = reach.chosen_segments(connection, user.account_id, typed.segments, typed.excluded)
        found = reach.count_reach(connection, user.account_id, lists)
    return show(request, "campaign_reach.html", {"lists": lists, "reach": found})


@router.post("/overlap")
def compare(request: Request, services: ServicesDep, user: SignedIn, typed: PostedCampaign) -> WaitingAnswer:
    """Shows how the segments chosen so far overlap."""
    compared = yield from _compare(request, services, user, typed)
    return show(request, "overlap_of_chosen.html", {"compared": compared})


def _compare(request: Request, services: Services, user: SignedInUser, typed: CampaignInput) -> Waits[overlap.Compared]:
    with snapshot(services, user.account_id) as (connection, _):
        lists = reach.chosen_segments(connection, user.account_id, typed.segments, typed.excluded)
    return (yield from overlap.compare(request, services, user, lists))


def _search(
    request: Request, services: Services, user: SignedInUser, typed: CampaignInput, row: CampaignRow | None = None
) -> WaitingAnswer:
    """Shows the form as it was sent, in a browser that runs no scripts: with other choices, or with their overlap."""
    compared = (yield from _compare(request, services, user, typed)) if typed.search == "compare" else None
    return _show(request, services, user, typed, row, compared=compared)


def _show(
    request: Request,
    services: Services,
    user: SignedInUser,
    typed: CampaignInput,
    row: CampaignRow | None = None,
    errors: Mapping[str, str] | None = None,
    stale: bool = False,
    compared: overlap.Compared | None = None,
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        lists = reach.chosen_segments(connection, user.account_id, typed.segments, typed.excluded)
        values: dict[str, Any] = {
            "typed": typed,
            "campaign": row,
            "errors": errors or {},
            "offered": _offered(connection, user.account_id, typed, lists),
            "stale": stale,
            "compared": compared,
            "lists": lists,
            "reach": None if compared is None else reach.count_reach(connection, user.account_id, lists),
            "theirs": None,
        }
        if row is not None and stale:
            values["theirs"] = reach.chosen_segments(
                connection, user.account_id, row.segment_ids, row.exclude_segment_ids
            )
    return show(request, "campaign_form.html", values, 412 if stale else 422 if errors else 200)


def _offered(
    connection: Any, account_id: UUID, typed: CampaignInput, lists: reach.ChosenSegments
) -> dict[str, OfferedSegments]:
    searches = typed.find._asdict()
    offered = {}
    for field, rows in zip(searches, lists, strict=True):
        text = searches[field].strip() or None
        ids = {row.segment_id for row in rows}
        # Chosen segments are shown above the others, so as many more are read.
        matching = segments.page(
            connection, account_id, name=text, kind=None, before=None, limit=MAX_OFFERED + len(ids)
        )
        others = [row for row in matching if row.segment_id not in ids]
        total = segments.count(connection, account_id, name=text, kind=None)
        # An archived segment is offered where it is chosen already, and is none of those that are found.
        matching_chosen = sum(not row.archived and (text is None or fold(text) in fold(row.name)) for row in rows)
        offered[field] = OfferedSegments(field, rows, others[:MAX_OFFERED], total - matching_chosen, searches[field])
    return offered


def _check(typed: CampaignInput) -> None:
    if not typed.segments:
        raise Invalid.at("/segment_ids", "segment_required", NO_SEGMENT)


def _errors(invalid: Invalid) -> dict[str, str]:
    """Returns what is wrong, by field of the form."""
    errors: dict[str, str] = {}
    for each in invalid.errors:
        field = FIELDS.get(each.pointer.split("/")[1], "")
        errors.setdefault(field, SEGMENT_DELETED if each.code == "unknown_segment" else each.detail)
    return errors
