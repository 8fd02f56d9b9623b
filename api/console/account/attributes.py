"""The Attributes page: which attributes filters can use, with which operators; adding one, changing a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Request, Response

from api.console.filters.vocabulary import filter_vocabulary, operators_in_words
from api.console.web.paging import Paged
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import AttributeKey
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.customer import BUILT_IN
from domain.errors import Invalid, NotFound, Refused
from domain.values import AttributeType
from projections.read import accounts, segments

router = APIRouter(prefix="/attributes", route_class=AccountRoute)
TYPES: dict[AttributeType, str] = {
    "text": "Text",
    "number": "Number",
    "boolean": "True or false",
    "date": "Date",
    "datetime": "Date and time",
    "list": "List of texts",
}
FIELDS = {"/key": "key", "/type": "type", "/name": "label"}


class AttributeLine(NamedTuple):
    """An attribute as the list shows it; `readers` is the number of segments that use it."""

    key: str
    label: str
    type: str
    operators: str
    readers: int
    built_in: bool


@router.get("")
def list_attributes(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists every attribute that a filter can use, the account's own ones first."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        own = accounts.attributes(connection, account_id)
        readers = segments.counts_by_attribute(connection, account_id)
    label = filter_vocabulary(own, {}).label
    every: list[tuple[str, AttributeType]] = [*((row.key, row.type) for row in own), *BUILT_IN.items()]
    # A page begins after an index, as in the API: attributes are never removed.
    start = pager.after_number or 0
    indexes = range(start, min(start + pager.limit, len(every)))
    page = pager.page(indexes, lambda index: str(index + 1), len(every))
    lines = [
        AttributeLine(key, label(key), TYPES[kind], operator_words(kind), readers.get(key, 0), key in BUILT_IN)
        for key, kind in (every[index] for index in page.rows)
    ]
    values = {"page": page, "attributes": lines, "position": position}
    return show(request, "attributes.html", values)


@router.get("/new")
def new(request: Request, user: SignedIn) -> Response:
    """Shows the form for a new attribute."""
    return _form(request, {"key": "", "type": "text", "label": ""})


@router.post("/new")
def declare(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    key: Annotated[str, Form()] = "",
    kind: Annotated[str, Form(alias="type")] = "",
    label: Annotated[str, Form()] = "",
) -> WaitingAnswer:
    """Adds an attribute that does not exist yet."""
    key = key.strip()
    values = {"key": key, "type": kind, "label": label}
    existing = services.rollcall.attributes.all(user.account_id).get(key)
    if existing is not None and existing.type == kind and key not in BUILT_IN:
        return _form(request, values, {"key": f"There is already an attribute {key}; change its label instead."})
    try:
        position = _declare(services, user, key, kind, label)
    except (Invalid, Refused) as wrong:
        return _form(request, values, _errors(wrong))
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, f"{label.strip() or key} was added", "/console/attributes")


@router.get("/{key}/edit")
def edit(request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey) -> Response:
    """Shows the form for an attribute's label."""
    values, readers = _require_own_attribute(services, user, key)
    return _form(request, values, readers=readers)


@router.post("/{key}/edit")
def save(
    request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey, label: Annotated[str, Form()] = ""
) -> WaitingAnswer:
    """Changes an attribute's label."""
    values, readers = _require_own_attribute(services, user, key)
    try:
        position = _declare(services, user, key, values["type"], label)
    except (Invalid, Refused) as wrong:
        return _form(request, values | {"label": label}, _errors(wrong), readers)
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, f"{label.strip() or key} was saved", "/console/attributes")


def _declare(services: Services, user: SignedInUser, key: str, kind: Any, label: str) -> int:
    """Returns the log position after it. Raises `Invalid`, and `Refused` with the segments that use the attribute."""
    try:
        return services.rollcall.attributes.declare(user.account_id, key, kind, label).position
    except Refused:
        with snapshot(services, user.account_id) as (connection, _):
            readers = segments.names_using_attribute(connection, user.account_id, key)
        return services.rollcall.attributes.declare(user.account_id, key, kind, label, readers).position


def _require_own_attribute(services: Services, user: SignedInUser, key: str) -> tuple[dict[str, Any], list[str]]:
    """Returns what the form of an own attribute shows, and the segments that use it. Raises `NotFound`."""
    attribute = services.rollcall.attributes.all(user.account_id).get(key)
    if attribute is None or key in BUILT_IN:
        raise NotFound("attribute_not_found", "no such attribute in this account")
    with snapshot(services, user.account_id) as (connection, _):
        readers = segments.names_using_attribute(connection, user.account_id, key)
    return {"key": key, "type": attribute.type, "label": attribute.label or ""}, readers


def _form(
    request: Request,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    readers: list[str] | None = None,
) -> Response:
    """Shows the form; `readers` is given for an attribute that exists."""
    values = {
        "typed": typed,
        "errors": errors or {},
        "readers": readers,
        "types": {kind: f"{label} ({operator_words(kind, 3)} …)" for kind, label in TYPES.items()},
        "type_words": TYPES,
    }
    return show(request, "attribute_form.html", values, 422 if errors else 200)


def _errors(wrong: Invalid | Refused) -> dict[str, str]:
    """Returns what is wrong, by field of the form."""
    if isinstance(wrong, Refused):
        return {"type": wrong.detail}
    return {FIELDS.get(each.pointer, ""): each.detail for each in wrong.errors}


def operator_words(kind: AttributeType, limit: int | None = None) -> str:
    """Returns the operators of a type, or the first `limit` of them, in words."""
    return ", ".join(words for _, words in operators_in_words(kind)[:limit])
