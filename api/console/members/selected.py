"""Tag or list the customers that are selected in any list: those ticked, or all who match.

`/selected` asks, in a dialog; the other addresses do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.console.members.job_progress import finished_or_progress
from api.console.members.removal import ask_to_remove
from api.console.members.selection import Selection, new_task, selection_of, size_of, start
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import sentence, show
from api.console.web.session import SignedIn, SignedInUser, local_path
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import parse_segment_id
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from api.jobs.asking import checked_search
from domain.errors import Invalid
from domain.segment import SegmentDraft
from projections.read import segments

router = APIRouter(prefix="/selected", route_class=AccountRoute)


@router.get("")
def ask_all(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Asks what to do to all who match the search in the address."""
    return _ask(request, services, user, FormFields(request.query_params.multi_items()))


@router.post("")
def ask(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> Response:
    """Asks what to do to the selected customers: `do` says what the dialog is about."""
    return _ask(request, services, user, form)


@router.post("/tag")
def tag(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Gives the selected customers a tag, or takes it away."""
    selection = selection_of(form)
    action = "untag" if form.text("action") == "untag" else "tag"
    try:
        task = new_task(action, user.by, attribute="tags", value=form.text("value"))
        row = start(services, user.account_id, task, selection)
    except Invalid as wrong:
        if not wrong.errors or wrong.errors[0].pointer != "/value":
            raise
        return _show_tag(request, services, user, form, selection, error=wrong.detail)
    return (yield from finished_or_progress(request, services, user.account_id, row, form.text("back")))


@router.post("/add")
def add(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Adds the selected customers to a static segment: one that there is, or one that is made for them."""
    selection, account_id = selection_of(form), user.account_id
    if form.text("into") == "new":
        if selection.search is not None:
            # Nothing is created for a selection that cannot be read.
            checked_search(services, account_id, selection.search)
        draft = SegmentDraft(form.text("name"), "", "static", None)
        identity = uuid5(account_id, repr((form.text("identity"), draft.name)))
        try:
            saved = services.rollcall.segments.create(account_id, draft, identity, by=user.by)
        except Invalid as wrong:
            return _show_lists(request, services, user, form, selection, {"name": sentence(wrong.detail)})
        # What was done names the list.
        yield from wait_until_visible(services, account_id, saved.position)
        segment_id = saved.id
    elif (chosen := _chosen_list(services, account_id, form)) is not None:
        segment_id = chosen
    else:
        error = language_of(request).gettext("Choose one of your lists.")
        return _show_lists(request, services, user, form, selection, {"list": error})
    row = start(services, account_id, new_task("add", user.by, segment_id=segment_id), selection)
    return (yield from finished_or_progress(request, services, account_id, row, form.text("back")))


def _chosen_list(services: Services, account_id: UUID, form: FormFields) -> UUID | None:
    """Returns the list that was picked or, where no scripts ran, is called what was typed; the newest of that name."""
    if form.text("segment"):
        return parse_segment_id(form.text("segment"))
    with snapshot(services, account_id) as (connection, _):
        named = segments.mentioned(connection, account_id, {form.text("list").strip()} - {""})
        rows = segments.by_ids(connection, account_id, [UUID(each) for each in named])
    return next((UUID(each) for each in named if rows[UUID(each)].type == "static"), None)


def _ask(request: Request, services: Services, user: SignedInUser, form: FormFields) -> Response:
    selection = selection_of(form)
    match form.text("do"):
        case "remove":
            return ask_to_remove(request, services, user, form.text("segment"), selection)
        case "add":
            return _show_lists(request, services, user, form, selection)
    return _show_tag(request, services, user, form, selection)


def _show_tag(
    request: Request, services: Services, user: SignedInUser, form: FormFields, selection: Selection, error: str = ""
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        total = size_of(services, connection, user.account_id, selection)
    shown = language_of(request).gettext("Write the tag.") if error else ""
    values = {
        "total": total,
        "selection": selection,
        "value": form.text("value"),
        "action": form.text("action"),
        "errors": {"value": shown} if shown else {},
        "back": local_path(form.text("back")),
    }
    return show(request, "selected_tag.html", values, 422 if error else 200)


def _show_lists(
    request: Request,
    services: Services,
    user: SignedInUser,
    form: FormFields,
    selection: Selection,
    errors: Mapping[str, str] | None = None,
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        total = size_of(services, connection, user.account_id, selection)
        lists = segments.count(connection, user.account_id, name=None, kind="static")
    values = {
        "total": total,
        "selection": selection,
        "lists": lists,
        "into": form.text("into") or ("existing" if lists else "new"),
        "typed": {name: form.text(name) for name in ("segment", "list", "name")},
        "identity": form.text("identity") or str(uuid4()),
        "errors": errors or {},
        "back": local_path(form.text("back")),
    }
    return show(request, "selected_add.html", values, 422 if errors else 200)
