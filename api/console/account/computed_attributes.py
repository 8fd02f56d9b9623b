"""Computed attributes in the console: define one, change its definition, remove it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from api.console.account.definition_form import (
    AGGREGATE_WORDS,
    EMPTY,
    WINDOW_WORDS,
    definition_of,
    errors_by_field,
    typed_in,
    typed_of,
)
from api.console.filters.vocabulary import period_words
from api.console.web.form_body import PostedForm
from api.console.web.rendering import done, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import AttributeKey
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.account import Attribute
from domain.calendar import PERIODS
from domain.errors import Invalid, NotFound, Refused
from domain.filters.behaviour.wording import plain
from domain.texts.language import said
from projections.read import accounts, segments

router = APIRouter(prefix="/attributes", route_class=AccountRoute)
LIST = "/console/attributes"


@router.get("/computed/new")
def new(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Shows the form for a new one."""
    return _form(request, services, user, EMPTY)


@router.post("/computed/new")
def define(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Adds an attribute that does not exist yet."""
    typed = typed_in(form)
    if typed["key"] in services.rollcall.attributes.all(user.account_id):
        taken = said("There is already an attribute %(key)s; choose another key.", key=typed["key"])
        return _form(request, services, user, typed, {"key": taken})
    return (yield from _save(request, services, user, typed))


@router.get("/computed/{key}/edit")
def edit(request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey) -> Response:
    """Shows the form for the definition of one."""
    attribute = _require(services, user, key)
    zone = _words(services, user).zone
    typed = typed_of(key, attribute.label, attribute.computed, zone)
    return _form(request, services, user, typed, exists=True)


@router.post("/computed/{key}/edit")
def change(
    request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey, form: PostedForm
) -> WaitingAnswer:
    """Changes the definition or the label."""
    _require(services, user, key)
    return (yield from _save(request, services, user, typed_in(form) | {"key": key}, exists=True))


@router.get("/computed/{key}/remove")
def ask_removal(request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey) -> Response:
    """Asks whether it is to be removed, or says which segments use it."""
    attribute = _require(services, user, key)
    with snapshot(services, user.account_id) as (connection, _):
        readers = segments.names_using_attribute(connection, user.account_id, key)
    values = {"key": key, "name": attribute.label or key, "readers": readers, "error": ""}
    return show(request, "attribute_remove.html", values)


@router.post("/computed/{key}/remove")
def remove(request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey) -> WaitingAnswer:
    """Removes it."""
    attribute = _require(services, user, key)
    try:
        position = services.rollcall.attributes.remove(user.account_id, key, by=user.by)
    except Refused as used:
        values = {"key": key, "name": attribute.label or key, "readers": [], "error": used.detail}
        return show(request, "attribute_remove.html", values, 422)
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, said("%(name)s was removed", name=attribute.label or key), LIST)


def _save(
    request: Request, services: Services, user: SignedInUser, typed: dict[str, str], *, exists: bool = False
) -> WaitingAnswer:
    try:
        definition = definition_of(typed, _words(services, user).zone)
        saved = services.rollcall.attributes.compute(user.account_id, typed["key"], definition, typed["label"])
    except Invalid as wrong:
        return _form(request, services, user, typed, errors_by_field(wrong.errors), exists=exists)
    except Refused as wrong:
        return _form(request, services, user, typed, {"aggregate": wrong.detail}, exists=exists)
    yield from wait_until_visible(services, user.account_id, saved.position)
    name = typed["label"] or typed["key"]
    message = said("%(name)s was saved", name=name) if exists else said("%(name)s was added", name=name)
    return done(request, message, LIST)


def _require(services: Services, user: SignedInUser, key: str) -> Attribute:
    """Returns a computed attribute. Raises `NotFound`."""
    attribute = services.rollcall.attributes.all(user.account_id).get(key)
    if attribute is None or attribute.computed is None:
        raise NotFound("attribute_not_found", "no such computed attribute in this account")
    return attribute


def _words(services: Services, user: SignedInUser) -> Any:
    with services.database.transaction(user.account_id) as connection:
        return accounts.words(connection, user.account_id)


def _form(
    request: Request,
    services: Services,
    user: SignedInUser,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    *,
    exists: bool = False,
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        activities = accounts.activities(connection, user.account_id)
        readers = segments.names_using_attribute(connection, user.account_id, typed["key"]) if exists else []
    values = {
        "typed": typed,
        "errors": errors or {},
        "exists": exists,
        "readers": readers,
        "activities": [("", ""), *((name, plain(name).capitalize()) for name in sorted(activities))],
        "properties": sorted({key for properties in activities.values() for key in properties}),
        "aggregates": AGGREGATE_WORDS,
        "windows": WINDOW_WORDS,
        "periods": {name: period_words(name) for name in PERIODS},
    }
    return show(request, "attribute_computed.html", values, 422 if errors else 200)
