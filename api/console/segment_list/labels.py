"""The labels of an account: a dialog in which they are created, renamed and coloured, and one that deletes a label.

The dialog stays open after each label, for there is seldom only one to make. Reached from the labels of ticked
segments, it leads back to them (`back`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.form import SEGMENTS_PATH
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import done, gone, is_for_dialog, sentence, show, with_query
from api.console.web.session import SignedIn, SignedInUser, local_path
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import parse_label_id
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import WaitingAnswer, Waits, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.errors import Invalid, NotFound, Refused
from domain.segment import LABEL_COLOURS, Label
from domain.texts.language import said
from projections.read.segment_list import listing
from projections.read.segment_list.listing import Wanted

router = APIRouter(prefix="/segments/labels", route_class=AccountRoute)
LABELS_PATH = f"{SEGMENTS_PATH}/labels"
# With 500 ticked segments an address has about 18,500 letters.
ReturnTo = Annotated[str, Query(max_length=25_000, pattern=TEXT_PATTERN)]
# The field of the name of a label that is to be made.
NEW = "name-of-label"
DELETED = said("This label was deleted meanwhile. What you typed is in the fields of a new one.")


class NewLabel(NamedTuple):
    """A label as it was typed, and what is wrong with it."""

    name: str = ""
    colour: str = "blue"
    error: str = ""


@router.get("")
def manage(request: Request, services: ServicesDep, user: SignedIn, back: ReturnTo = "") -> Response:
    """Shows every label with its name and colour."""
    return _show(request, services, user, back)


@router.post("")
def save(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Saves one label, or creates it, and shows all of them again."""
    _, _, text = form.text("action").partition(" ")
    label_id = parse_label_id(text) if text else None
    field, back = f"name-{text}" if text else NEW, form.text("back")
    typed = NewLabel(form.text(field), form.text(f"colour-{text}" if text else "colour"))
    try:
        name = yield from save_label(services, user, label_id, typed)
    except NotFound:
        return _show(request, services, user, back, {NEW: DELETED}, {NEW: typed})
    except (Invalid, Refused) as refused:
        detail = refused.errors[0].detail if refused.errors else refused.detail
        return _show(request, services, user, back, {field: sentence(detail)}, {field: typed})
    message = language_of(request).gettext("%(name)s was saved", name=name)
    if is_for_dialog(request):
        return _show(request, services, user, back, saved=message)
    return gone(request, {"message": message}, with_query(LABELS_PATH, back=back))


@router.get("/{label_id}/delete")
def ask(request: Request, services: ServicesDep, user: SignedIn, label_id: PathId, back: ReturnTo = "") -> Response:
    """Asks whether to delete it: how many segments lose it."""
    wanted_id = parse_label_id(label_id)
    with snapshot(services, user.account_id) as (connection, _):
        label = _require(listing.labels(connection, user.account_id).get(wanted_id))
        wanted = Wanted(label_id=wanted_id, archived=None)
        segments = listing.count(connection, user.account_id, wanted)
    values = {"label": label, "segments": segments, "back": back, "home": with_query(LABELS_PATH, back=back)}
    return show(request, "label_delete.html", values)


@router.post("/{label_id}/delete")
def delete(
    request: Request, services: ServicesDep, user: SignedIn, label_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Deletes it; the segments stay."""
    home = with_query(LABELS_PATH, back=form.text("back"))
    try:
        position = services.rollcall.segments.delete_label(user.account_id, parse_label_id(label_id), by=user.by)
    except NotFound:
        return done(request, said("The label was already deleted"), home, keeps_ticks=True)
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, said("The label was deleted"), home, keeps_ticks=True)


def save_label(services: Services, user: SignedInUser, label_id: UUID | None, typed: NewLabel) -> Waits[str]:
    """Saves a label, or creates one, and waits until lists have it. Returns its name; raises as the command does."""
    colour: Any = typed.colour
    saved = services.rollcall.segments.save_label(user.account_id, label_id, typed.name, colour, by=user.by)
    yield from wait_until_visible(services, user.account_id, saved.position)
    return typed.name.strip()


def label_typed(form: FormFields) -> NewLabel:
    """Returns the new label that is typed into the form of ticked segments."""
    return NewLabel(form.text("new-name"), form.text("new-colour") or NewLabel().colour)


def _show(
    request: Request, services: Services, user: SignedInUser, back: str,
    errors: Mapping[str, str] | None = None, typed: Mapping[str, NewLabel] | None = None, saved: str = "",
) -> Response:  # fmt: skip
    with snapshot(services, user.account_id) as (connection, _):
        labels = listing.labels(connection, user.account_id)
    values = {
        "labels": labels.values(),
        "colours": LABEL_COLOURS,
        "errors": errors or {},
        "typed": typed or {},
        "new": (typed or {}).get(NEW, NewLabel()),
        "saved": saved,
        "back": back,
        "home": local_path(back) if back else SEGMENTS_PATH,
    }
    return show(request, "labels.html", values, 422 if errors else 200)


def _require(label: Label | None) -> Label:
    if label is None:
        raise NotFound("label_not_found", "no such label in this account")
    return label
