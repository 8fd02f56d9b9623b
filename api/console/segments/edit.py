"""The page Edit of a segment. When someone else saved the segment meanwhile, both versions are shown side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from api.console.filters.conversion import form_from_filter, to_filter_json
from api.console.segments.creation import offer_as_new
from api.console.segments.draft import (
    LABELS,
    Draft,
    FormContext,
    check_draft,
    draft_from_form,
    draft_from_segment,
    form_context,
    noting_errors,
)
from api.console.segments.form import SAVE_ACTIONS, SEGMENTS_PATH, note_unfinished, show_form
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import parse_segment_id, require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_edit_place, wait_until_visible
from api.http.route import AccountRoute
from domain.errors import NotFound, StaleVersion
from domain.filters.wording import Words
from domain.segment import KEEP, SegmentEdit, normal_text
from domain.texts.language import said
from projections.read import campaigns, segments
from projections.read.campaigns import CampaignRow
from projections.read.segment_list import versions
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)
NO_VERSION = -1
# How many values of a list the comparison of two filters names.
MAX_VALUES = 50


class StoredSegment(NamedTuple):
    """A segment as it is stored, the campaigns that use it, and the names of the segments whose filters use it."""

    row: SegmentRow
    context: FormContext
    campaigns: Sequence[CampaignRow]
    used_by: Sequence[str]


class ComparedField(NamedTuple):
    """One field of the form as the user has it, and as it was saved meanwhile."""

    label: str
    yours: str
    theirs: str
    same: bool


@router.get("/{segment_id}/edit")
def edit(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, from_version: int | None = None
) -> Response:
    """Shows the form of a segment as it is stored, or with the filters of an earlier version."""
    stored = _read(services, user, segment_id)
    draft = draft_from_segment(stored.row, stored.context)
    if from_version is not None:
        with snapshot(services, user.account_id) as (connection, _):
            earlier = versions.filter_of(connection, user.account_id, stored.row.segment_no, from_version)
        if earlier is None:
            raise NotFound("version_not_found", "this segment has no such version")
        draft = draft_from_segment(stored.row._replace(filter=earlier), stored.context)
    return _show(request, stored, draft, stored.row.version, goes_back=from_version is not None)


@router.post("/{segment_id}/edit")
def update(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Saves the segment, or shows the form again; after an edit by someone else, with a comparison."""
    try:
        return (yield from _update(request, services, user, segment_id, form))
    except NotFound:
        return offer_as_new(request, services, user, form)


def _update(
    request: Request, services: Services, user: SignedInUser, segment_id: str, form: FormFields
) -> WaitingAnswer:
    stored = _read(services, user, segment_id, form)
    draft = replace(draft_from_form(form, stored.context), dynamic=stored.row.type == "dynamic")
    began_from = _version_in(form, "version")
    if form.text("action") not in SAVE_ACTIONS:
        note_unfinished(services, user, draft, stored.context)
        comparison = _compare(stored, draft) if form.text("action") == "compare" else None
        return _show(request, stored, draft, began_from, comparison)
    node = check_draft(services, user.account_id, draft, stored.context)
    if draft.errors:
        return _show(request, stored, draft, began_from, status=422)
    expected = expected_version_of(form)
    changes = _changes(stored, draft, node, expected)
    edited_id = stored.row.segment_id
    yield from wait_for_edit_place()
    try:
        saved = noting_errors(
            draft, lambda: services.rollcall.segments.edit(user.account_id, edited_id, changes, expected, by=user.by)
        )
    except StaleVersion:
        yield from wait_until_visible(services, user.account_id, services.rollcall.head())
        stored = _read(services, user, segment_id, form)
        return _show(request, stored, draft, began_from, _compare(stored, draft), 412)
    if saved is None:
        return _show(request, stored, draft, began_from, status=422)
    yield from wait_until_visible(services, user.account_id, saved.position, saved.id)
    return done(request, said("%(name)s was updated", name=draft.name.strip()), SEGMENTS_PATH)


@router.get("/{segment_id}/newer")
def newer(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, version: int) -> Response:
    """Shows whether someone saved the segment after this version. An open form asks once a second."""
    with snapshot(services, user.account_id) as (connection, _):
        row = segments.by_id(connection, user.account_id, parse_segment_id(segment_id))
        context = form_context(connection, user.account_id)
    change = "deleted" if row is None else str(row.version)
    if (row is not None and row.version <= version) or is_unchanged(request, change):
        return nothing_new()
    values = {
        "segment": row,
        "segment_id": segment_id,
        "version": version,
        "change": change,
        "comparison": None,
        "zone": context.zone,
    }
    return show(request, "segment_newer.html", values)


def expected_version_of(form: FormFields) -> int:
    """Returns the version that an edit replaces: the newest one for "Keep mine", else the one the form began from."""
    return _version_in(form, "newest" if form.text("action") == "keep" else "version")


def _version_in(form: FormFields, name: str) -> int:
    version = form.number(name)
    return NO_VERSION if version is None else version


def _read(services: Services, user: SignedInUser, segment_id: str, form: FormFields | None = None) -> StoredSegment:
    with snapshot(services, user.account_id) as (connection, _):
        row = require_segment(connection, user.account_id, segment_id)
        return StoredSegment(
            row,
            form_context(connection, user.account_id, row.segment_id, form=form, stored=row.filter),
            campaigns.of_segment(connection, user.account_id, row.segment_id),
            segments.names_referring_to(connection, user.account_id, row.segment_id),
        )


def _changes(stored: StoredSegment, draft: Draft, node: Any, expected: int) -> SegmentEdit:
    """Returns the edit; it contains a filter only where that differs, because a filter is evaluated anew."""
    row = stored.row
    same_filter = row.version == expected and node == _normalised_filter(stored)
    return SegmentEdit(draft.name, draft.description, KEEP if row.type == "static" or same_filter else node)


def _normalised_filter(stored: StoredSegment) -> Any:
    """Returns the stored filter as the form would write it."""
    context = stored.context
    return to_filter_json(form_from_filter(stored.row.filter, context.vocabulary, context.zone), context.zone).json


def _compare(stored: StoredSegment, draft: Draft) -> list[ComparedField]:
    row = stored.row
    texts = {
        name: (normal_text(yours), normal_text(theirs))
        for name, yours, theirs in (("name", draft.name, row.name), ("description", draft.description, row.description))
    }
    fields = [ComparedField(LABELS[name], yours, theirs, yours == theirs) for name, (yours, theirs) in texts.items()]
    if row.type == "dynamic":
        vocabulary, zone = stored.context.vocabulary, stored.context.zone
        words = Words(vocabulary.labels, vocabulary.types, zone, vocabulary.segments, MAX_VALUES)
        yours, theirs = to_filter_json(draft.root, zone).json, _normalised_filter(stored)
        your_words = said("Not finished yet") if draft.notes else words.sentence(yours)
        fields.append(ComparedField(said("Filters"), your_words, words.sentence(theirs), yours == theirs))
    return fields


def _show(
    request: Request,
    stored: StoredSegment,
    draft: Draft,
    version: int,
    comparison: list[ComparedField] | None = None,
    status: int = 200,
    *,
    goes_back: bool = False,
) -> Response:
    """Shows the form; `version` is that of the segment which the form began from."""
    path = f"{SEGMENTS_PATH}/{stored.row.segment_id}"
    values = {
        "action": f"{path}/edit",
        "matches": f"{path}/matches",
        "segment": stored.row,
        "segment_id": str(stored.row.segment_id),
        "version": version,
        "change": None,
        "comparison": comparison,
        "goes_back": goes_back,
        "campaigns": stored.campaigns,
        "used_by": stored.used_by,
    }
    return show_form(request, draft, stored.context, values, status)
