"""Create Segment and Edit: name, description, and for dynamic segments the filter builder.

One form, sent to its own address. A button of the builder sends it too (`action`), and gets the page back with one
row more or fewer: with scripts only the builder of that page is put in, without them the whole page. Nothing is
kept between requests but what the form holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.console.filters.stored import form_of, shown_item, written
from api.console.filters.vocabulary import MATCH_WORDS, period_words, unit_of
from api.console.segments.draft import (
    Draft,
    Known,
    attempt,
    check,
    checked_filter,
    known_to,
    posted_draft,
    stored_draft,
)
from api.console.web.form_body import Form
from api.console.web.rendering import PLACE, done, show
from api.console.web.session import Person, SignedIn
from api.http.context import Context, Here
from api.http.lookup import parse_segment_id, require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import settle, snapshot
from domain import json_text
from domain.calendar import PERIODS, RETURN_PERIODS
from domain.errors import StaleVersion
from domain.filters.wording import MONTHS, Words
from domain.segment import KEEP, SegmentDraft, SegmentEdit
from projections.read import campaigns, segments
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments")
LIST = f"{PLACE}/segments"
SAVE = ("", "save", "keep")
NO_VERSION = -1
# Values of a list that are said where two filters stand side by side.
MOST_SAID = 50
# What the builder's template shows values with.
SHOWING: dict[str, Any] = {
    "match_words": MATCH_WORDS, "months": MONTHS, "periods": {"period": PERIODS, "return_period": RETURN_PERIODS},
    "period_words": period_words, "unit_of": unit_of, "shown_item": shown_item,
}  # fmt: skip


@router.get("/new")
def new(request: Request, here: Here, person: SignedIn) -> Response:
    """The empty form."""
    with snapshot(here, person.account_id) as (connection, _):
        known = known_to(connection, person.account_id)
    return _creating(request, person, Draft(), known, str(uuid4()))


@router.post("/new")
def create(request: Request, here: Here, person: SignedIn, form: Form) -> Response:
    """Create the segment, or go on with the form. Sent twice, the same form creates one segment."""
    with snapshot(here, person.account_id) as (connection, _):
        known = known_to(connection, person.account_id)
    draft, identity = posted_draft(form, known), form.one("identity")
    if form.one("action") not in SAVE:
        return _creating(request, person, _noted(here, person, draft, known), known, identity)
    node = check(here, person.account_id, draft, known)
    if not draft.errors:
        wanted = SegmentDraft(draft.name, draft.description, "dynamic" if draft.dynamic else "static", node)
        content = json_text.dumps([identity, wanted.name, wanted.description, wanted.type, node]).decode()
        segment_id = uuid5(person.account_id, content)
        saved = attempt(draft, lambda: here.rollcall.segments.create(person.account_id, wanted, segment_id))
        if saved is not None:
            settle(here, person.account_id, saved.position, saved.id)
            return done(request, f"{draft.name.strip()} was created", LIST)
    return _creating(request, person, draft, known, identity, 422)


@router.get("/{segment_id}/edit")
def edit(request: Request, here: Here, person: SignedIn, segment_id: PathId) -> Response:
    """The form of a segment as it is stored."""
    row, known, around = _read(here, person, segment_id)
    return _editing(request, person, stored_draft(row, known), known, around | {"version": row.version})


@router.post("/{segment_id}/edit")
def update(request: Request, here: Here, person: SignedIn, segment_id: PathId, form: Form) -> Response:
    """Save the segment, or go on with the form; who comes second sees both and decides."""
    row, known, around = _read(here, person, segment_id)
    action, seen = form.one("action"), form.number("version")
    draft = replace(posted_draft(form, known), dynamic=row.type == "dynamic")
    values = around | {"version": NO_VERSION if seen is None else seen}
    if action not in SAVE:
        draft = _noted(here, person, draft, known)
        both = _both(row, draft, known) if action == "compare" else None
        return _editing(request, person, draft, known, values | {"both": both})
    node = check(here, person.account_id, draft, known)
    if draft.errors:
        return _editing(request, person, draft, known, values, 422)
    expected = form.number("newest") if action == "keep" else seen
    expected = NO_VERSION if expected is None else expected
    changed = _edit_of(draft, node, row, known, expected)
    try:
        saved = attempt(
            draft, lambda: here.rollcall.segments.edit(person.account_id, row.segment_id, changed, expected)
        )
    except StaleVersion:
        settle(here, person.account_id, here.rollcall.head())
        row, known, around = _read(here, person, segment_id)
        return _editing(request, person, draft, known, values | {"both": _both(row, draft, known)}, 412)
    if saved is None:
        return _editing(request, person, draft, known, values, 422)
    settle(here, person.account_id, saved.position, saved.id)
    return done(request, f"{draft.name.strip()} was updated", LIST)


@router.get("/{segment_id}/newer")
def newer(request: Request, here: Here, person: SignedIn, segment_id: PathId, version: int) -> Response:
    """Whether somebody saved the segment since this version: asked once a second by an open form."""
    with snapshot(here, person.account_id) as (connection, _):
        row = segments.by_id(connection, person.account_id, parse_segment_id(segment_id))
        known = known_to(connection, person.account_id)
    told = "gone" if row is None else str(row.version)
    if (row is not None and row.version <= version) or request.headers.get("rollcall-seen") == told:
        return Response(status_code=204)
    values = {
        "segment": row, "segment_id": segment_id, "version": version, "told": told, "both": None, "zone": known.zone,
    }  # fmt: skip
    return show(request, "segment_newer.html", values)


def _read(here: Context, person: Person, segment_id: str) -> tuple[SegmentRow, Known, dict[str, Any]]:
    """The segment as it is stored, what filters may speak of, and who is concerned by an edit."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_segment(connection, person.account_id, segment_id)
        known = known_to(connection, person.account_id, row.segment_id)
        around = {
            "segment": row, "segment_id": str(row.segment_id), "both": None, "told": None,
            "campaigns": campaigns.of_segment(connection, person.account_id, row.segment_id),
            "naming": segments.names_referring_to(connection, person.account_id, row.segment_id),
        }  # fmt: skip
    return row, known, around


def _edit_of(draft: Draft, node: Any, row: SegmentRow, known: Known, expected: int) -> SegmentEdit:
    """What an edit mentions: a filter only where it says something else, for it would be computed anew."""
    same = row.version == expected and node == written(form_of(row.filter, known.words, known.zone), known.zone).filter
    return SegmentEdit(draft.name, draft.description, KEEP if row.type == "static" or same else node)


def _both(row: SegmentRow, draft: Draft, known: Known) -> list[tuple[str, str, str, bool]]:
    """Name, description and filters as she has them, as they were saved meanwhile, and whether they are the same."""
    texts = {
        "Segment Name": (draft.name.strip(), row.name), "Description": (draft.description.strip(), row.description),
    }  # fmt: skip
    lines = [(label, hers, theirs, hers == theirs) for label, (hers, theirs) in texts.items()]
    if row.type == "dynamic":
        words = Words(known.words.labels, known.words.types, known.zone, known.words.segments, MOST_SAID)
        hers = written(draft.root, known.zone).filter
        theirs = written(form_of(row.filter, known.words, known.zone), known.zone).filter
        told = "Not finished yet" if draft.notes else words.sentence(hers)
        lines.append(("Filters", told, words.sentence(theirs), hers == theirs))
    return lines


def _noted(here: Context, person: Person, draft: Draft, known: Known) -> Draft:
    """The draft with what is still to do beside its conditions."""
    if draft.dynamic:
        draft.notes = checked_filter(here, person.account_id, draft, known)[2]
    return draft


def _creating(
    request: Request, person: Person, draft: Draft, known: Known, identity: str, status: int = 200
) -> Response:
    values: dict[str, Any] = {
        "action": f"{LIST}/new", "matches": f"{LIST}/new/matches", "segment": None, "identity": identity,
        "campaigns": [], "naming": [],
    }  # fmt: skip
    return _form(request, person, draft, known, values, status)


def _editing(
    request: Request, person: Person, draft: Draft, known: Known, values: dict[str, Any], status: int = 200
) -> Response:
    address = f"{LIST}/{values['segment_id']}"
    return _form(
        request, person, draft, known, {"action": f"{address}/edit", "matches": f"{address}/matches"} | values, status
    )


def _form(
    request: Request, person: Person, draft: Draft, known: Known, values: dict[str, Any], status: int
) -> Response:
    common = {"person": person, "active": "segments", "draft": draft, "words": known.words, "zone": known.zone}
    return show(request, "segment_form.html", SHOWING | common | values, status)
