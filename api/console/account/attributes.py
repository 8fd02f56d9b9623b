"""The Attributes page: what filters can ask of customers, with which operators; declaring one, changing a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Request, Response

from api.console.filters.vocabulary import operators_in_words, vocabulary
from api.console.web.paging import Paged
from api.console.web.rendering import done, show, still, unchanged
from api.console.web.session import Person, SignedIn
from api.http.context import Context, Here
from api.http.parameters import AttributeKey
from api.http.read_your_writes import settle, snapshot
from domain.customer import BUILT_IN
from domain.errors import Invalid, NotFound, Refused
from domain.values import AttributeType
from projections.read import accounts, segments

router = APIRouter(prefix="/attributes")
TYPES: dict[AttributeType, str] = {
    "text": "Text",
    "number": "Number",
    "boolean": "True or false",
    "date": "Date",
    "datetime": "Date and time",
    "list": "List of texts",
}
FIELDS = {"/key": "key", "/type": "type", "/name": "label"}


class Line(NamedTuple):
    """An attribute as the list shows it."""

    key: str
    label: str
    type: str
    operators: str
    readers: int
    built_in: bool


@router.get("")
def list_attributes(request: Request, here: Here, person: SignedIn, pager: Paged) -> Response:
    """Every attribute that a filter can use, the account's own ones first."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        own = accounts.attributes(connection, account_id)
        readers = segments.counts_by_attribute(connection, account_id)
    label = vocabulary(own, {}).label
    every: list[tuple[str, AttributeType]] = [*((row.key, row.type) for row in own), *BUILT_IN.items()]
    # The order is by place, as over HTTP: attributes are never removed.
    start = pager.number or 0
    places = range(start, min(start + pager.fetch, len(every)))
    page = pager.page(places, lambda place: str(place + 1), len(every))
    lines = [
        Line(key, label(key), TYPES[kind], words(kind), readers.get(key, 0), key in BUILT_IN)
        for key, kind in (every[place] for place in page.rows)
    ]
    values = {"person": person, "active": "attributes", "page": page, "attributes": lines, "position": position}
    return show(request, "attributes.html", values)


@router.get("/new")
def new(request: Request, person: SignedIn) -> Response:
    """The form for a new attribute."""
    return _form(request, person, {"key": "", "type": "text", "label": ""})


@router.post("/new")
def declare(
    request: Request,
    here: Here,
    person: SignedIn,
    key: Annotated[str, Form()] = "",
    kind: Annotated[str, Form(alias="type")] = "",
    label: Annotated[str, Form()] = "",
) -> Response:
    """Declare an attribute that there is not yet."""
    key = key.strip()
    values = {"key": key, "type": kind, "label": label}
    known = here.rollcall.attributes.all(person.account_id).get(key)
    if known is not None and known.type == kind and key not in BUILT_IN:
        return _form(
            request, person, values, {"key": f"There is an attribute {key} already; change its label instead."}
        )
    try:
        position = _declare(here, person, key, kind, label)
    except (Invalid, Refused) as wrong:
        return _form(request, person, values, _errors(wrong))
    settle(here, person.account_id, position)
    return done(request, f"{label.strip() or key} was added", "/console/attributes")


@router.get("/{key}/edit")
def edit(request: Request, here: Here, person: SignedIn, key: AttributeKey) -> Response:
    """The form for an attribute's label."""
    values, readers = _known(here, person, key)
    return _form(request, person, values, readers=readers)


@router.post("/{key}/edit")
def save(
    request: Request, here: Here, person: SignedIn, key: AttributeKey, label: Annotated[str, Form()] = ""
) -> Response:
    """Change an attribute's label."""
    values, readers = _known(here, person, key)
    try:
        position = _declare(here, person, key, values["type"], label)
    except (Invalid, Refused) as wrong:
        return _form(request, person, values | {"label": label}, _errors(wrong), readers)
    settle(here, person.account_id, position)
    return done(request, f"{label.strip() or key} was saved", "/console/attributes")


def _declare(here: Context, person: Person, key: str, kind: Any, label: str) -> int:
    """The position after it. Where it is refused, the segments that read the attribute are named."""
    try:
        return here.rollcall.attributes.declare(person.account_id, key, kind, label).position
    except Refused:
        with snapshot(here, person.account_id) as (connection, _):
            readers = segments.names_using_attribute(connection, person.account_id, key)
        return here.rollcall.attributes.declare(person.account_id, key, kind, label, readers).position


def _known(here: Context, person: Person, key: str) -> tuple[dict[str, Any], list[str]]:
    """What the form of an own attribute begins with, and who reads it. Raises `NotFound`."""
    attribute = here.rollcall.attributes.all(person.account_id).get(key)
    if attribute is None or key in BUILT_IN:
        raise NotFound("attribute_not_found", "no such attribute in this account")
    with snapshot(here, person.account_id) as (connection, _):
        readers = segments.names_using_attribute(connection, person.account_id, key)
    return {"key": key, "type": attribute.type, "label": attribute.label or ""}, readers


def _form(
    request: Request,
    person: Person,
    asked: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    readers: list[str] | None = None,
) -> Response:
    """The form; with `readers` it is that of an attribute which is there."""
    values = {
        "person": person, "active": "attributes", "asked": asked, "errors": errors or {}, "readers": readers,
        "types": {kind: f"{label} ({words(kind, 3)} …)" for kind, label in TYPES.items()},
        "type_words": TYPES,
    }  # fmt: skip
    return show(request, "attribute_form.html", values, 422 if errors else 200)


def _errors(wrong: Invalid | Refused) -> dict[str, str]:
    """What is wrong, by field of the form."""
    if isinstance(wrong, Refused):
        return {"type": wrong.detail}
    return {FIELDS.get(each.pointer, ""): each.detail for each in wrong.errors}


def words(kind: AttributeType, most: int | None = None) -> str:
    """The operators of a type, or the first `most` of them, in words."""
    return ", ".join(word for _, word in operators_in_words(kind)[:most])
