"""Export: the members of any segment as a CSV with chosen columns, streamed as `/v1` streams it, and safe to open.

What it shares with `api.console.customers.export`: the titles of columns, and a list that is safe to open.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.console.members.listing import QueryText
from api.console.web.files import as_file
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.csv_import.formulas import escape_formula, harmless_lines
from api.http.dependencies import ServicesDep
from api.http.lists.fields import POINTER
from api.http.lists.streams import Listed, stream
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.filters.wording import Words
from domain.formats.fields import ATTRIBUTE, OF_MEMBER, parse_fields
from projections.read import accounts, customers
from projections.read.streams import lines

router = APIRouter(prefix="/segments/{segment_id}", route_class=AccountRoute)
# In this order; those that are ticked at first, then the others.
USUAL = ("phone", "name", "external_id", "tags", "opted_out", "joined_at")
FURTHER = ("id", "created_at", "updated_at")
ChosenFields = Annotated[list[str] | None, Query(alias="field", max_length=1_000)]


@router.get("/export")
def choose(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, query: QueryText = ""
) -> Response:
    """Asks which columns the file is to have."""
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
        words = accounts.words(connection, user.account_id)
        own = accounts.attributes(connection, user.account_id)
    values = {
        "segment": segment,
        "hidden": {"query": query},
        "fields": [(name, title_of(name, words), name in USUAL) for name in (*USUAL, *FURTHER)],
        "attributes": [(f"{ATTRIBUTE}{each.key}", words.label(each.key), True) for each in own],
    }
    return show(request, "export.html", values)


@router.get("/members.csv")
def download(
    services: ServicesDep, user: SignedIn, segment_id: PathId, query: QueryText = "", chosen: ChosenFields = None
) -> Response:
    """Downloads the members who match, with the chosen columns, from one snapshot."""
    with snapshot(services, user.account_id) as (connection, _):
        name = require_segment(connection, user.account_id, segment_id).name

    def listed(connection: Any) -> Listed:
        segment = require_segment(connection, user.account_id, segment_id)
        words = accounts.words(connection, user.account_id)
        keys = [each.key for each in accounts.attributes(connection, user.account_id)]
        fields = parse_fields(",".join(chosen or USUAL), OF_MEMBER, keys, POINTER)
        wanted = customers.parse_search(connection, user.account_id, query)
        found = lines.of_members(connection, user.account_id, segment.serving or 0, wanted, fields, "csv")
        return safe_to_open(Listed(fields.names, found), words)

    return as_file(stream(services, user.account_id, "csv", listed, console=True), f"{name}.csv")


def safe_to_open(listed: Listed, words: Words) -> Listed:
    """Returns a list of CSV for people: its columns have titles, and no cell is one that a spreadsheet would run."""
    return Listed([_cell(title_of(each, words)) for each in listed.columns], harmless_lines(listed.lines))


def title_of(name: str, words: Words) -> str:
    """The title of a column: an attribute's label, else the name of the field, by which an import knows it."""
    return words.label(name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE) else name


def _cell(title: str) -> str:
    written = StringIO()
    csv.writer(written, lineterminator="").writerow([escape_formula(title)])
    return written.getvalue()
