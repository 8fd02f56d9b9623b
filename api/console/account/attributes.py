"""The Attributes page: what filters can use, how many customers have it, and which values; adding, labelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Request, Response

from api.console.filters.vocabulary import TYPE_WORDS, filter_vocabulary, operators_in_words
from api.console.web.language import language_of
from api.console.web.paging import Paged
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import AttributeKey
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.customer import BUILT_IN
from domain.errors import Invalid, NotFound, Refused
from domain.texts.language import Language, said
from domain.values import AttributeType
from projections.read import accounts, segments
from projections.read.attributes import known
from projections.read.attributes.known import Fill
from projections.read.segments import Users

router = APIRouter(prefix="/attributes", route_class=AccountRoute)
# How many segments that use an attribute are named.
MOST_USERS = 3
FIELDS = {"/key": "key", "/type": "type", "/name": "label"}


class AttributeLine(NamedTuple):
    """An attribute as the list shows it: `filled` customers have it, a part `share` of all; `users` use it."""

    key: str
    label: str
    type: str
    filled: int
    share: float
    # Some values; there are `more`, or too `many` to count each.
    samples: list[str]
    more: bool
    many: bool
    users: Users
    built_in: bool
    # What it is computed from, in words; empty for one that is not.
    definition: str = ""
    is_served: bool = True


@router.get("")
def list_attributes(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists every attribute that a filter can use, the account's own ones first."""
    account_id, language = user.account_id, language_of(request)
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        own = accounts.attributes(connection, account_id)
        recomputing = {row.key for row in own if not row.is_served}
        every: list[tuple[str, AttributeType]] = [*((row.key, row.type) for row in own), *BUILT_IN.items()]
        # A page begins after an index, as in the API: attributes are seldom removed.
        start = pager.after_number or 0
        page = pager.page(range(start, min(start + pager.limit, len(every))), lambda index: str(index + 1), len(every))
        shown = [every[index] for index in page.rows]
        filled = known.fill(connection, account_id)
        samples = known.samples(connection, account_id, [key for key, _ in shown])
        users = segments.users_by_attribute(connection, account_id, MOST_USERS)
        words = accounts.words(connection, account_id).spoken(language)
    label, of = filter_vocabulary(own, {}).label, known.customers(filled)

    def line(key: str, kind: AttributeType) -> AttributeLine:
        fill, texts = filled.get(key, Fill()), samples.get(key, [])
        values = [words.value(key, known.value_of(kind, text)) for text in texts if kind != "list" or not fill.many]
        return AttributeLine(
            key, label(key), language.of(TYPE_WORDS[kind]), fill.customers, known.share(fill, of),
            values[: known.SAMPLES], len(values) > known.SAMPLES, fill.many, users.get(key, Users()), key in BUILT_IN,
            words.definition(key), key not in recomputing,
        )  # fmt: skip

    values = {"page": page, "attributes": [line(*each) for each in shown], "position": position}
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
        return _form(
            request, values, {"key": said("There is already an attribute %(key)s; change its label instead.", key=key)}
        )
    try:
        position = _declare(services, user, key, kind, label)
    except (Invalid, Refused) as wrong:
        return _form(request, values, _errors(wrong))
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, said("%(name)s was added", name=label.strip() or key), "/console/attributes")


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
    return done(request, said("%(name)s was saved", name=label.strip() or key), "/console/attributes")


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
    if attribute is None or key in BUILT_IN or attribute.computed is not None:
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
    language = language_of(request)
    values = {
        "typed": typed,
        "errors": errors or {},
        "readers": readers,
        "types": {
            kind: f"{language.of(label)} ({operator_words(kind, language, 3)} …)" for kind, label in TYPE_WORDS.items()
        },
        "type_words": TYPE_WORDS,
    }
    return show(request, "attribute_form.html", values, 422 if errors else 200)


def _errors(wrong: Invalid | Refused) -> dict[str, str]:
    """Returns what is wrong, by field of the form."""
    if isinstance(wrong, Refused):
        return {"type": wrong.detail}
    return {FIELDS.get(each.pointer, ""): each.detail for each in wrong.errors}


def operator_words(kind: AttributeType, language: Language, limit: int) -> str:
    """Returns the first `limit` operators of a type, in words."""
    return ", ".join(language.of(words) for _, words in operators_in_words(kind)[:limit])
