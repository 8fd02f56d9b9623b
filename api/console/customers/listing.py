"""The page Customers: everybody, or those that a search finds, with the columns of one's choice.

Words are looked for in whatever is known of a customer; a filter is made with the builder of segments. Both are in the
address (`asked`). How many there are is asked for after the page is shown: of many, it takes longer than a page. So
are the rows of a search that looks at nearly every customer before it finds enough.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.console.customers import columns
from api.console.customers.asked import CUSTOMERS_PATH, Asked, AskedCustomers, keys_in
from api.console.customers.remembered import remember_columns
from api.console.filters.address import MAX_FILTER, parse_filter_text
from api.console.filters.form import FilterRow
from api.console.members.customer_lines import customer_line
from api.console.segments.draft import (
    Draft,
    FormContext,
    check_filter,
    draft_from_form,
    draft_with_filter,
    form_context,
)
from api.console.segments.form import builder_values
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import ServicesDep
from api.http.lists.searches import look
from api.http.read_your_writes import WaitingAnswer, snapshot
from api.http.route import AccountRoute
from domain.texts.language import Language
from domain.values import fold
from projections.postgres import limits
from projections.read import segments
from projections.read.customers import CustomerRow
from projections.read.searches import found
from projections.read.searches.found import Wanted

router = APIRouter(prefix="/customers", route_class=AccountRoute)
MOST_SUGGESTIONS = 4
APPLY_ACTIONS = ("", "apply")


@router.get("")
def list_customers(
    request: Request, services: ServicesDep, user: SignedIn, pager: Paged, asked: Asked
) -> WaitingAnswer:
    """Shows everybody, or those who are found, newest first; those who are not found at once, after the page."""

    def work(connection: Any, wanted: Wanted, position: int) -> dict[str, Any] | None:
        # A filter may look at every customer: not again because one of them changed.
        if asked.filter is None and is_unchanged(request, position):
            return None
        rows = _found_in_time(connection, wanted, pager)
        return _list_values(connection, user, language_of(request), asked, rows, pager) | {"seen": position}

    values = yield from look(services, user.account_id, asked.search, work, waits=pager.is_follow_up)
    return nothing_new() if values is None else show(request, "customer_list.html", values)


@router.get("/count")
def count(request: Request, services: ServicesDep, user: SignedIn, asked: Asked) -> WaitingAnswer:
    """Shows how many are found, exactly."""
    total = yield from look(
        services, user.account_id, asked.search, lambda connection, wanted, _: found.count(connection, wanted)
    )
    return show(request, "customer_counted.html", {"total": total, "asked": asked})


@router.get("/filter")
def ask_for_filter(request: Request, services: ServicesDep, user: SignedIn, asked: Asked) -> Response:
    """Shows the filter by itself, to be edited."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, stored=asked.filter)
    return _show_filter(request, asked, _draft_of(asked, context), context)


@router.post("/filter")
def apply_filter(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> Response:
    """Goes to the customers that the filter finds; of a button of the builder, shows the filter again."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, form=form)
    asked = _asked_in(form)
    draft = draft_from_form(form, context)
    if _is_blank(draft):
        checked = None
    else:
        checked = check_filter(services, user.account_id, draft, context)
        draft.notes = checked.notes
    if form.text("action") not in APPLY_ACTIONS:
        return _show_filter(request, asked, draft, context)
    draft.tried = True
    asked = asked._replace(filter=checked and checked.json)
    if draft.notes:
        return _show_filter(request, asked, draft, context, 422)
    if len(asked.filter_text) > MAX_FILTER:
        language = language_of(request)
        text = language.gettext("This filter is too long for an address. Create a segment with it instead.")
        draft.notes = {draft.root.path: text}
        return _show_filter(request, asked, draft, context, 422)
    return RedirectResponse(asked.address(rows=form.text("rows")), 303)


def _found_in_time(connection: Any, wanted: Wanted, pager: Pager) -> tuple[list[CustomerRow], bool] | None:
    """Returns the rows of the page, and whether there are more; `None` if finding them takes longer than it may."""
    return limits.within(
        connection, pager.span, lambda: found.page(connection, wanted, before=pager.after_number, limit=pager.per_page)
    )


@router.post("/columns")
def choose_columns(request: Request, user: SignedIn, form: PostedForm) -> Response:
    """Shows the columns that were ticked, and remembers them; with none, the usual ones."""
    asked = _asked_in(form)
    if form.text("usual"):
        asked = asked._replace(columns=None)
    answer = RedirectResponse(asked.address(rows=form.text("rows")), 303)
    remember_columns(request, answer, user, asked.columns or ())
    return answer


def _asked_in(form: FormFields) -> AskedCustomers:
    """Returns what a form of the page says. Raises `Invalid`."""
    return AskedCustomers(form.text("query"), parse_filter_text(form.text("filter")), keys_in(form.all("columns")))


def _list_values(
    connection: Any,
    user: SignedInUser,
    language: Language,
    asked: AskedCustomers,
    found_rows: tuple[list[CustomerRow], bool] | None,
    pager: Pager,
) -> dict[str, Any]:
    rows, more = found_rows or ([], False)
    context = form_context(connection, user.account_id, stored=asked.filter)
    words = segments.words(connection, user.account_id, [] if asked.filter is None else [asked.filter])
    words = words.spoken(language)
    is_whole = found_rows is not None and not more and pager.after_number is None
    page = pager.page(rows, lambda row: str(row.customer_no), len(rows) if is_whole else None, more=more)
    shown = columns.chosen(asked.shown, asked.filter, context.vocabulary)
    return {
        "asked": asked,
        "page": page,
        "total": page.total,
        "is_found": found_rows is not None,
        "pager": pager,
        "columns": shown,
        "choices": columns.choices(context.vocabulary),
        "lines": [(customer_line(row, words), columns.cells(row, shown, words)) for row in page.rows],
        "summary": None if asked.filter is None else words.sentence(asked.filter),
        "suggestions": _suggestions(asked, rows, context),
        **_builder_values(_draft_of(asked, context), context),
    }


def _suggestions(asked: AskedCustomers, rows: list[CustomerRow], context: FormContext) -> list[dict[str, Any]]:
    """Returns filters for what was typed: the attributes that have just this value among the newest who are found.

    Where no attribute has all that was typed, each word is a value of its own: "Braga vip" is a city and a tag.
    """
    typed = asked.query.split()
    if not typed or asked.filter is not None:
        return []
    whole = _conditions_for(" ".join(typed), rows, context)
    if whole or len(typed) == 1:
        filters = [[condition] for condition in whole[:MOST_SUGGESTIONS]]
    else:
        each = [_conditions_for(word, rows, context)[:1] for word in typed]
        filters = [[condition for conditions in each for condition in conditions]] if all(each) else []
    return [
        {
            "conditions": [(context.vocabulary.label(each["attribute"]), _only(each["value"])) for each in conditions],
            "address": asked._replace(query="", filter=conditions).address(),
        }
        for conditions in filters
    ]


def _conditions_for(typed: str, rows: list[CustomerRow], context: FormContext) -> list[dict[str, Any]]:
    """Returns a condition for each attribute that has this value among the rows."""
    conditions: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, value in row.values.items():
            texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
            text = next((each for each in texts if isinstance(each, str) and fold(each) == fold(typed)), None)
            kind = context.vocabulary.types.get(key)
            if text is not None and kind in ("text", "list"):
                operator, asked = ("includes_any", [text]) if kind == "list" else ("equals", text)
                conditions.setdefault(key, {"attribute": key, "operator": operator, "value": asked})
    return list(conditions.values())


def _only(value: Any) -> str:
    return value[0] if isinstance(value, list) else str(value)


def _draft_of(asked: AskedCustomers, context: FormContext) -> Draft:
    return Draft() if asked.filter is None else draft_with_filter(asked.filter, context)


def _is_blank(draft: Draft) -> bool:
    """Returns whether nothing was entered: no filter, which is not the same as one that matches no customer."""
    nodes = [node for _, node in draft.root.descendants()]
    return all(isinstance(node, FilterRow) and not (node.attribute or node.asked) for node in nodes)


def _show_filter(
    request: Request, asked: AskedCustomers, draft: Draft, context: FormContext, status: int = 200
) -> Response:
    return show(request, "customer_filter.html", {"asked": asked, **_builder_values(draft, context)}, status)


def _builder_values(draft: Draft, context: FormContext) -> dict[str, Any]:
    return builder_values(draft, context) | {"action": f"{CUSTOMERS_PATH}/filter"}
