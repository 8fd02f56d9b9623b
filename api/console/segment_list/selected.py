"""What is done with ticked segments, or with one from its menu: labels, archiving, restoring, deleting.

Each dialog names the segments and says what it means for what uses them. Every segment is changed by a command of its
own, as over the API; one that was deleted meanwhile, or may not be deleted, is counted in the notice.
Labels can be made on the way: the dialog stays, with the new one on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.segment_list.labels import NewLabel, label_typed, save_label
from api.console.segments.form import SEGMENTS_PATH
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import done, gone, sentence, show, with_query
from api.console.web.session import SignedIn, SignedInUser, local_path
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import parse_uuid
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.errors import Invalid, NotFound, Refused
from domain.segment import LABEL_COLOURS, SegmentEdit
from domain.texts.language import Language, said
from projections.read import campaigns, segments
from projections.read.segment_list import listing
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)
Deed = Literal["labels", "archive", "restore", "delete"]
DEEDS: tuple[str, ...] = get_args(Deed)
MOST = 500
ON, OFF = "on", "off"
Work = Callable[[UUID], int | None]
LABEL_DELETED = said("A label you chose was deleted meanwhile. Your other choices are kept: check them, then save.")


class Chosen(NamedTuple):
    """Segments in the order in which they were ticked, and what uses each."""

    rows: list[SegmentRow]
    uses: dict[UUID, list[listing.Used]]

    @property
    def kept_by_filters(self) -> list[SegmentRow]:
        """Those that filters of other segments name, which therefore cannot be deleted."""
        return [row for row in self.rows if any(each.kind == "segment" for each in self.uses.get(row.segment_id, []))]


class Outcome(NamedTuple):
    """With how many segments it was done, how many were so before, were deleted meanwhile, may not be deleted."""

    changed: int
    same: int
    gone: int
    refused: int


@router.get("/selected")
def ask(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Asks what is to be done with the segments, once its meaning is shown."""
    return _show(request, services, user, FormFields(request.query_params.multi_items()))


@router.post("/selected")
def change(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Does it with each of the segments; for labels also makes a new one first, which is then on."""
    deed, ids = form.text("do"), _ids(form)
    if not ids or deed not in DEEDS:
        return _show(request, services, user, form)
    if deed == "labels" and form.text("action") == "create":
        return (yield from _create_label(request, services, user, form))
    try:
        outcome, position = _with_each(ids, _works(services, user, form)[deed])
    except Invalid as invalid:
        is_deleted = invalid.code == "unknown_label"
        detail = LABEL_DELETED if is_deleted else sentence(invalid.detail)
        return _show(request, services, user, form, {"": detail})
    yield from wait_until_visible(services, user.account_id, position)
    message, back = message_of(language_of(request), deed, outcome), form.text("back")
    if back:
        # A page that shows what was changed outside of its live parts is loaded again.
        return gone(request, {"message": message}, local_path(back))
    return done(request, message, SEGMENTS_PATH)


def _works(services: Services, user: SignedInUser, form: FormFields) -> dict[str, Work]:
    """What is done with a segment; `None` as its position says that it was so before."""
    commands = services.rollcall.segments

    def edit(segment_id: UUID, **fields: Any) -> int:
        return commands.edit(user.account_id, segment_id, SegmentEdit(**fields), None, by=user.by).position

    def label(segment_id: UUID) -> int | None:
        # A segment keeps the ids of labels that were deleted since.
        kept = {*commands.read(user.account_id, segment_id).label_ids} & known
        wanted = (kept | _labels(form, ON)) - _labels(form, OFF)
        return None if wanted == kept else edit(segment_id, label_ids=[*wanted])

    def archive(segment_id: UUID, archived: bool) -> int | None:
        is_so = commands.read(user.account_id, segment_id).archived == archived
        return None if is_so else edit(segment_id, archived=archived)

    known = {each.label_id for each in commands.labels(user.account_id)} if form.text("do") == "labels" else set()
    if form.text("do") == "labels" and not _labels(form, ON) <= known:
        raise Invalid("unknown_label", "a label was deleted")
    return {
        "labels": label,
        "archive": lambda segment_id: archive(segment_id, True),
        "restore": lambda segment_id: archive(segment_id, False),
        "delete": lambda segment_id: commands.delete(user.account_id, segment_id, None, by=user.by),
    }


def _create_label(request: Request, services: Services, user: SignedInUser, form: FormFields) -> WaitingAnswer:
    """Makes the label that is typed below the others, and shows them again: it is on, and what was chosen is kept."""
    typed = label_typed(form)
    known = {each.label_id for each in services.rollcall.segments.labels(user.account_id)}
    try:
        yield from save_label(services, user, None, typed)
    except (Invalid, Refused) as refused:
        error = typed._replace(error=sentence(refused.detail))
        return _show(request, services, user, form, {"new-name": error.error}, new=error)
    made = {each.label_id for each in services.rollcall.segments.labels(user.account_id)} - known
    return _show(request, services, user, form, on=made)


def message_of(language: Language, deed: str, outcome: Outcome) -> str:
    """Returns what was done with segments, and with how many it was not and why."""
    changed, _, lost, refused = outcome
    texts = {
        "labels": language.ngettext("%(num)s segment was labelled", "%(num)s segments were labelled", changed),
        "archive": language.ngettext("%(num)s segment was archived", "%(num)s segments were archived", changed),
        "restore": language.ngettext("%(num)s segment was restored", "%(num)s segments were restored", changed),
        "delete": language.ngettext("%(num)s segment was deleted", "%(num)s segments were deleted", changed),
    }
    lost_texts = (
        language.ngettext("%(num)s segment was deleted meanwhile", "%(num)s segments were deleted meanwhile", lost),
        language.ngettext("%(num)s segment was already deleted", "%(num)s segments were already deleted", lost),
    )
    refused_text = language.ngettext(
        "%(num)s segment is used by filters", "%(num)s segments are used by filters", refused
    )
    clauses = ((changed, texts[deed]), (lost, lost_texts[deed == "delete"]), (refused, refused_text))
    said_of = [text for number, text in clauses if number]
    return "; ".join(said_of) or language.gettext("Nothing was changed")


def _with_each(ids: Iterable[UUID], work: Work) -> tuple[Outcome, int]:
    """Returns what became of the segments, and the position after it."""
    changed = same = lost = refused = position = 0
    for segment_id in ids:
        try:
            at = work(segment_id)
        except NotFound:
            lost += 1
        except Refused:
            refused += 1
        else:
            position = max(position, at or 0)
            changed, same = (changed, same + 1) if at is None else (changed + 1, same)
    return Outcome(changed, same, lost, refused), position


def _show(
    request: Request, services: Services, user: SignedInUser, form: FormFields,
    errors: Mapping[str, str] | None = None, new: NewLabel | None = None, on: Collection[UUID] = (),
) -> Response:  # fmt: skip
    """Shows the dialog, with what was chosen in it; the labels `on` are chosen as well."""
    account_id, deed, ids = user.account_id, form.text("do"), _ids(form)
    with snapshot(services, account_id) as (connection, _):
        found = segments.by_ids(connection, account_id, ids)
        chosen = Chosen([found[each] for each in ids if each in found], listing.uses(connection, account_id, [*found]))
        labels = listing.labels(connection, account_id)
        kept = {row.segment_id for row in chosen.kept_by_filters}
        gone = [row.segment_id for row in chosen.rows if row.segment_id not in kept]
        attached = campaigns.of_segment(connection, account_id, *gone)
    ticked = " ".join(str(row.segment_id) for row in chosen.rows)
    values = {
        "deed": deed if deed in DEEDS else "labels",
        "asked": len(ids),
        "back": local_path(form.text("back")) if form.text("back") else "",
        "errors": errors or {},
        "new": new or NewLabel(),
        "colours": LABEL_COLOURS,
        "choices": {each: form.text(f"label-{each}") for each in labels if f"label-{each}" in form}
        | dict.fromkeys(on, ON),
        "here": with_query(f"{SEGMENTS_PATH}/selected", do=deed, ticked=ticked),
        "rows": chosen.rows,
        "uses": chosen.uses,
        "kept": kept,
        "ticked": ticked,
        "labels": labels.values(),
        "having": {each: sum(each in row.label_ids for row in chosen.rows) for each in labels},
        "campaigns": [(row, row.needs_audience_without(*gone)) for row in attached],
    }
    return show(request, "segments_selected.html", values, 422 if errors else 200)


def _ids(fields: FormFields) -> list[UUID]:
    texts = [*fields.all("segment_id"), *(each for text in fields.all("ticked") for each in text.split())]
    return [*dict.fromkeys(each for each in map(parse_uuid, texts) if each)][:MOST]


def _labels(form: FormFields, choice: str) -> set[UUID]:
    """The labels for which the form has this choice."""
    chosen = (parse_uuid(name.removeprefix("label-")) for name, value in form.pairs() if value == choice)
    return {each for each in chosen if each}
