"""What the filter builder's pickers offer while the user types: attributes, what customers did, segments, and values.

Each answers with the options of a list box (`static/picker.js`). Without scripts the builder has plain inputs instead.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from api.console.filters.vocabulary import DID, TYPE_WORDS, FilterVocabulary, filter_vocabulary
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.parameters import TEXT_PATTERN, AttributeKey, parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.texts.language import Language
from domain.values import fold
from projections.read import accounts, segments
from projections.read.attributes import known
from projections.read.behaviour import known as behaviour

router = APIRouter(prefix="/filters", route_class=AccountRoute)
SearchText = Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)]
MOST_OPTIONS = 50
MOST_PROPERTIES = 3


class Option(NamedTuple):
    """One option: what is chosen, its name, and what is said beside it."""

    value: str
    name: str
    aside: str = ""


class OptionGroup(NamedTuple):
    """Options under a heading, which may be empty."""

    heading: str
    options: list[Option]


@router.get("/attributes")
def attributes(request: Request, services: ServicesDep, user: SignedIn, search: SearchText = "") -> Response:
    """Shows the attributes whose name or key holds the search, with how many customers have a value."""
    with snapshot(services, user.account_id) as (connection, _):
        activities = accounts.activities(connection, user.account_id)
        vocabulary = filter_vocabulary(accounts.attributes(connection, user.account_id), {}, activities)
        filled = known.fill(connection, user.account_id)
    language, of, wanted = language_of(request), known.customers(filled), fold(search.strip())
    say = language.gettext

    def option(key: str) -> Option:
        kind = vocabulary.types.get(key)
        if kind is None:
            return Option(key, vocabulary.label(key), _properties_of(vocabulary, key))
        if key in vocabulary.computed:
            aside = language.gettext("%(type)s · computed", type=language.of(TYPE_WORDS[kind]))
            return Option(key, vocabulary.label(key), aside)
        percent = f"{100 * known.share(filled.get(key, known.Fill()), of):.0f}"
        aside = say("%(type)s · %(percent)s %% have it", type=language.of(TYPE_WORDS[kind]), percent=percent)
        return Option(key, vocabulary.label(key), aside)

    groups = [
        OptionGroup(
            language.of(heading),
            [option(key) for key in keys if wanted in fold(f"{vocabulary.label(key)} {key}")],
        )
        for heading, keys in vocabulary.groups
    ]
    return _options(request, groups, say("No attribute is called that."))


@router.get("/activities")
def activities(request: Request, services: ServicesDep, user: SignedIn, search: SearchText = "") -> Response:
    """Shows the activities whose name holds the search, with some of their properties."""
    say, wanted = language_of(request).gettext, fold(search.strip())
    with snapshot(services, user.account_id) as (connection, _):
        vocabulary = filter_vocabulary([], {}, accounts.activities(connection, user.account_id))
    keys = (f"{DID}{name}" for name in sorted(vocabulary.activities))
    options = [
        Option(key, vocabulary.label(key), _properties_of(vocabulary, key))
        for key in keys
        if wanted in fold(f"{vocabulary.label(key)} {key.removeprefix(DID)}")
    ]
    return _options(request, [OptionGroup("", options)], say("No activity is called that."))


@router.get("/activities/{activity}/properties")
def properties(
    request: Request, services: ServicesDep, user: SignedIn, activity: AttributeKey, search: SearchText = ""
) -> Response:
    """Shows the properties of an activity whose name holds the search, with their types."""
    language, wanted = language_of(request), fold(search.strip())
    with snapshot(services, user.account_id) as (connection, _):
        known_here = accounts.activities(connection, user.account_id)
    words = filter_vocabulary([], {}, known_here).about(activity)
    options = [
        Option(key, words.label(key), language.of(TYPE_WORDS[kind]))
        for key, kind in sorted(words.types.items())
        if wanted in fold(f"{words.label(key)} {key}")
    ]
    return _options(request, [OptionGroup("", options)], language.gettext("No property is called that."))


@router.get("/activities/{activity}/properties/{key}/values")
def property_values(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    activity: AttributeKey,
    key: AttributeKey,
    search: SearchText = "",
) -> Response:
    """Shows the values of a property that hold the search, with how many facts have each."""
    language = language_of(request)
    with snapshot(services, user.account_id) as (connection, _):
        kind = accounts.activities(connection, user.account_id).get(activity, {}).get(key)
        if kind is None:
            return _options(request, [], "")
        found = behaviour.values(connection, user.account_id, (activity, key), kind, search)
    nothing = language.gettext("Nothing that was done has such a value.")
    return _options(request, [OptionGroup("", _counted(found.values, language))], nothing)


@router.get("/segments")
def other_segments(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    search: SearchText = "",
    without: str = "",
    kind: Literal["static", "dynamic"] | None = None,
) -> Response:
    """Shows the newest segments whose name holds the search; not the one that is edited. Archived ones are left out."""
    language = language_of(request)
    with snapshot(services, user.account_id) as (connection, _):
        rows = segments.page(
            connection, user.account_id, name=search.strip() or None, kind=kind, before=None, limit=MOST_OPTIONS + 1
        )
    own = parse_uuid(without)
    options = [
        Option(
            str(row.segment_id),
            row.name,
            language.ngettext("%(num)s customer", "%(num)s customers", row.members),
        )
        for row in rows
        if row.segment_id != own
    ]
    nothing = language.gettext("No other segment is called that.")
    if kind == "static":
        nothing = language.gettext("No list is called that.")
    return _options(request, [OptionGroup("", options)], nothing)


@router.get("/values/{key}")
def values(
    request: Request, services: ServicesDep, user: SignedIn, key: AttributeKey, search: SearchText = ""
) -> Response:
    """Shows the values of an attribute that hold the search, with how many customers have each."""
    language = language_of(request)
    say = language.gettext
    with snapshot(services, user.account_id) as (connection, _):
        kind = accounts.types(connection, user.account_id).get(key)
        if kind is None:
            return _options(request, [], "")
        found = known.values(connection, user.account_id, key, kind, search)
    heading = say("Of the newest %(count)s customers", count=found.among) if found.among is not None else ""
    return _options(
        request, [OptionGroup(heading, _counted(found.values, language))], say("No customer has such a value.")
    )


def _counted(values: list[known.ValueCount], language: Language) -> list[Option]:
    return [
        Option(known.text_of(each.value), known.text_of(each.value), language.number(each.customers))
        for each in values[: MOST_OPTIONS + 1]
    ]


def _properties_of(vocabulary: FilterVocabulary, key: str) -> str:
    """Returns some of the properties of what was done; an empty text for another choice."""
    words = vocabulary.about(key.removeprefix(DID)) if key.startswith(DID) else None
    return ", ".join(list(words.types)[:MOST_PROPERTIES]).replace("_", " ") if words else ""


def _options(request: Request, groups: list[OptionGroup], nothing: str) -> Response:
    """Shows the options, so many as can be looked through."""
    left, shown = MOST_OPTIONS, []
    for heading, options in groups:
        if options[:left]:
            shown.append(OptionGroup(heading, options[:left]))
        left = max(0, left - len(options))
    more = sum(len(options) for _, options in groups) > MOST_OPTIONS
    return show(request, "filter_options.html", {"groups": shown, "more": more, "nothing": nothing})
