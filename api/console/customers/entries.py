"""What happened to a customer, in words: the entries of the timeline on the customer's page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from api.console.filters.vocabulary import in_words
from api.console.segments.causes import describe_cause, origin_of
from domain.filters.behaviour.reading import Activities
from domain.filters.wording import Words
from domain.stored_events import ActivityRecorded, CustomerChanged
from domain.texts.language import Language
from projections.read.explanations import EventDetails
from projections.read.streams.timeline import Entry, Flip, ValueChange

# Attributes that every new customer has, which say nothing.
OF_EVERYBODY = {"created_at", "opted_out"}

# The source of facts that the API takes in with an id and without a source of their own (`api.v1.bulk`).
OF_THE_API = "http"


class ShownChange(NamedTuple):
    """A value before and after, in words; `before` is `None` where the log does not have it any more."""

    label: str
    before: str | None
    after: str


class ShownEntry(NamedTuple):
    """An entry: its heading, where it came from, the values that changed, the segments joined and left.

    Of what a customer did, `done` says each property in words, by its name.
    """

    at: datetime
    title: str
    origin: str
    done: list[tuple[str, str]]
    changes: list[ShownChange]
    flips: list[Flip]


def show_entry(entry: Entry, words: Words, activities: Activities) -> ShownEntry:
    """Returns an entry in the account's words and the language of the reader."""
    of_properties = replace(words, types=activities.get(entry.activity or "", {}))
    return ShownEntry(
        entry.at,
        _title(entry, words),
        _origin(entry, words.language),
        [(in_words(key), of_properties.value(key, value)) for key, value in sorted(entry.properties.items())],
        [_change(each, words) for each in entry.changes if not (entry.created and _is_usual(each))],
        entry.flips,
    )


def _title(entry: Entry, words: Words) -> str:
    _ = words.language.gettext
    if entry.created:
        return _("New customer")
    if entry.type == CustomerChanged.type_name:
        return _("Changed")
    if entry.type == ActivityRecorded.type_name:
        return in_words(entry.activity or "")
    first = entry.flips[0] if entry.flips else None
    if first is None:
        return entry.type
    event = EventDetails(entry.type, entry.source, entry.change_id, {}, False)
    return words.language.of(describe_cause(first.cause, first.joined, event))


def _origin(entry: Entry, language: Language) -> str:
    """Returns where a change came from; an empty text where the heading says it, or it is not known."""
    if entry.type not in (CustomerChanged.type_name, ActivityRecorded.type_name):
        return ""
    if entry.source and entry.source != OF_THE_API:
        event = EventDetails(entry.type, entry.source, entry.change_id, {}, False)
        return str(origin_of(event)).strip()
    match entry.door:
        case "console":
            return language.gettext("in the console")
        case "http":
            return language.gettext("over the API")
        case "csv":
            return language.gettext("from a CSV import")
        case "kafka":
            return language.gettext("over Kafka")
    return ""


def _change(change: ValueChange, words: Words) -> ShownChange:
    before = _text(change.attribute, change.before, words) if change.before_known else None
    return ShownChange(words.label(change.attribute), before, _text(change.attribute, change.after, words))


def _text(key: str, value: Any, words: Words) -> str:
    return "" if value in (None, [], "") else words.value(key, value)


def _is_usual(change: ValueChange) -> bool:
    return (change.attribute in OF_EVERYBODY and change.after in (False, None)) or change.attribute == "created_at"
