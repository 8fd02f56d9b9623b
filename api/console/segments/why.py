"""Why a customer is in a segment or is not, in words; and the page on which to ask it about any customer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.causes import reason_of
from api.console.segments.explained_filter import conditions_of, filter_line, has_alternatives, missing_conditions
from api.console.web.language import language_of
from api.console.web.paging import Paged
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_explanation, require_segment
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.filters.wording import Words
from domain.texts.language import said
from projections.postgres import limits
from projections.read import customers, segments
from projections.read.customers import CustomerRow

router = APIRouter(prefix="/segments/{segment_id}", route_class=AccountRoute)
MAX_RESULTS = 25


@router.get("/customers/{customer_id}/why")
def explain(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, customer_id: PathId
) -> Response:
    """Shows why the customer is in it, or what is missing."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        explanation = require_explanation(connection, account_id, segment, customer_id)
        words = _words_of(connection, account_id, explanation.tree).spoken(language_of(request))
        tree = explanation.tree
        lines = None if tree is None else filter_line(tree, words)
        lacking = [] if tree is None or explanation.since is not None else list(missing_conditions(tree, words))
        because, details = reason_of(explanation, words)
    values = {
        "segment": segment,
        "state": segment.state,
        "zone": words.zone,
        "customer": display_name(explanation.customer.shown),
        "customer_id": explanation.customer_id,
        "since": explanation.since,
        "last": explanation.last,
        "because": because,
        "details": details,
        "tree": lines,
        "missing": lacking,
        "one_is_enough": tree is not None and explanation.since is None and has_alternatives(tree),
    }
    return show(request, "why.html", values)


@router.get("/why")
def ask(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    segment_id: PathId,
    pager: Paged,
    query: Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)] = "",
) -> Response:
    """Shows a search for a customer, in the segment or not, to ask why."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        found: tuple[list[CustomerRow], bool] | None = ([], False)
        if query.strip():
            wanted = customers.parse_search(connection, account_id, query)
            found = limits.within(
                connection,
                pager.span,
                lambda: customers.page(connection, account_id, wanted, before=None, limit=MAX_RESULTS),
            )
    rows, more = found or ([], False)
    values = {
        "segment": segment,
        "query": query,
        "more": more,
        "customers": [(row.customer_id, display_name(row.values), row.values) for row in rows],
        "is_found": found is not None,
        "pager": pager,
    }
    return show(request, "why_ask.html", values)


def display_name(values: dict[str, Any]) -> str:
    """Returns what a page calls a customer: the name, else the phone number, else the external id."""
    return str(values.get("name") or values.get("phone") or values.get("external_id") or said("This customer"))


def _words_of(connection: Any, account_id: UUID, tree: Any = None) -> Words:
    """Returns the account's words, with the names of the segments that a filter's conditions use."""
    return segments.words(connection, account_id, [list(conditions_of(tree))] if tree else ())
