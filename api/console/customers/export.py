"""Export: everybody who is found on the page Customers, as a CSV with chosen columns, from one snapshot.

It is the stream of `POST /v1/customers/search`, made safe to open as the export of a segment's members is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response

from api.console.customers import columns
from api.console.customers.asked import Asked
from api.console.members.export import FURTHER, ChosenFields, safe_to_open, title_of
from api.console.segments.draft import form_context
from api.console.web.files import as_file
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lists.fields import POINTER
from api.http.lists.searches import all_found
from api.http.lists.streams import Listed, stream
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.formats.fields import ATTRIBUTE, OF_CUSTOMER, Fields, parse_fields
from projections.read import accounts, segments

router = APIRouter(prefix="/customers", route_class=AccountRoute)
# In this order; those that name a customer are ticked at first, of the others those that the page shows.
NAMING = ("phone", "name", "external_id")
OFFERED = (*NAMING, "tags", "opted_out", *FURTHER)


@router.get("/export")
def choose(request: Request, services: ServicesDep, user: SignedIn, asked: Asked) -> Response:
    """Asks which columns the file is to have. Raises `Invalid` where the filter in the address is none."""
    if asked.filter is not None:
        services.rollcall.segments.parse_filter(user.account_id, asked.filter)
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, stored=asked.filter)
        filters = [] if asked.filter is None else [asked.filter]
        words = segments.words(connection, user.account_id, filters).spoken(language_of(request))
        own = accounts.attributes(connection, user.account_id)
    shown = {*NAMING, *_fields_of(each.key for each in columns.chosen(asked.shown, asked.filter, context.vocabulary))}
    attributes = [f"{ATTRIBUTE}{each.key}" for each in own]
    values = {
        "asked": asked,
        "summary": None if asked.filter is None else words.sentence(asked.filter),
        "hidden": {"query": asked.query, "filter": asked.filter_text},
        "fields": [(name, title_of(name, words), name in shown) for name in OFFERED],
        "attributes": [(name, title_of(name, words), name in shown) for name in attributes],
    }
    return show(request, "customer_export.html", values)


@router.get("/customers.csv")
def download(services: ServicesDep, user: SignedIn, asked: Asked, chosen: ChosenFields = None) -> Response:
    """Downloads everybody who is found, with the chosen columns, from one snapshot."""

    def fields(connection: Any) -> Fields:
        keys = [each.key for each in accounts.attributes(connection, user.account_id)]
        return parse_fields(",".join(chosen or NAMING), OF_CUSTOMER, keys, POINTER)

    everybody = all_found(services, user.account_id, asked.search, "csv", fields)

    def listed(connection: Any) -> Listed:
        return safe_to_open(everybody(connection), accounts.words(connection, user.account_id))

    return as_file(stream(services, user.account_id, "csv", listed, console=True), "customers.csv")


def _fields_of(keys: Iterable[str]) -> list[str]:
    """Returns the fields of a file that hold what the columns with these keys show."""
    return [key if key in OF_CUSTOMER else f"{ATTRIBUTE}{key}" for key in keys]
