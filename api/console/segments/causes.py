"""Why a customer joined or left a segment, in words. Used by the pages `why` and `history`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.console.segments.explained_filter import conditions_of
from domain.filters.nesting import SEGMENT
from domain.filters.wording import UNITS, Words
from domain.instants import micros
from domain.jobs.job import COPY_SOURCE
from domain.stored_events import SegmentCreated, SegmentRefreshed
from domain.texts.language import said
from projections.read.explanations import EventDetails, MembershipExplanation

MOST_CHANGES = 3
IMPORT_SOURCE, BULK_SOURCE = "import:", "bulk:"


def describe_cause(cause: str, joined: bool, event: EventDetails | None) -> str:
    """Returns a cause other than a change of the customer's data, as lists show it: "The filter was edited"."""
    match cause:
        case "time":
            return said("Time passed")
        case "activity":
            return said("What the customer did")
        case "edit" if event is not None and event.type == SegmentCreated.type_name:
            return said("The segment was created")
        case "edit" if event is not None and event.type == SegmentRefreshed.type_name:
            return said("The filter of this segment, or of one that it uses, was created or edited")
        case "edit":
            return said("The filter was edited")
        case "manual" if event is not None and (event.source or "").startswith(COPY_SOURCE):
            return said("Copied from %(name)s", name=(event.source or "").removeprefix(COPY_SOURCE))
        case "manual":
            return said("Added by hand") if joined else said("Removed by hand")
        case "import":
            return said("Added by a CSV import")
        case "deletion":
            return said("The customer was erased")
    return said("A change%(source)s", source=origin_of(event))


def describe_change(event: EventDetails | None, reads: frozenset[str], words: Words) -> str:
    """Returns a change of the customer's data, as lists show it: "Plan changed to gold, from /crm"."""
    text = changed_values(event, reads, words) if event is not None else ""
    source = words.language.of(origin_of(event))
    if not text:
        return said("A change%(source)s", source=source)
    return f"{text[0].upper()}{text[1:]}{',' if source else ''}{source}"


def origin_of(event: EventDetails | None) -> str:
    """Returns where a change came from: " from /crm", " from a CSV import", an empty text where that is not known."""
    if event is None or not event.source:
        return ""
    if event.source.startswith(IMPORT_SOURCE):
        return said(" from a CSV import")
    if event.source.startswith(BULK_SOURCE):
        return said(" from a bulk request")
    return said(" from %(source)s", source=event.source)


def changed_values(event: EventDetails, reads: frozenset[str], words: Words) -> str:
    """Returns what a change set of the attributes that a filter reads: "Plan changed to gold".

    If it set none of them, everything it set; an empty text once the customer is erased.
    """
    values = {key: value for key, value in event.values.items() if key in reads}
    if not values:
        values = {key: value for key, value in event.values.items() if key not in ("created_at", "opted_out")}
    language = words.language
    parts = [_changed_to(key, value, event.created, words) for key, value in list(values.items())[:MOST_CHANGES]]
    if len(values) > MOST_CHANGES:
        parts.append(language.ngettext("%(num)s more", "%(num)s more", len(values) - MOST_CHANGES))
    text = language.gettext(" and ").join(parts)
    if not event.created:
        return text
    if not text:
        return language.gettext("the customer was new")
    return language.gettext("the customer was new, and %(values)s", values=text)


def _changed_to(key: str, value: Any, created: bool, words: Words) -> str:
    language, label = words.language, words.label(key)
    if value is None:
        return language.gettext("%(label)s was removed", label=label)
    if created:
        return language.gettext("%(label)s is %(value)s", label=label, value=words.value(key, value))
    return language.gettext("%(label)s changed to %(value)s", label=label, value=words.value(key, value))


def reason_of(explanation: MembershipExplanation, words: Words) -> tuple[str | None, list[str]]:
    """Returns what happened last, as the end of a sentence that begins with "because", and further details."""
    last, event = explanation.last, explanation.event
    if last is None:
        return None, []
    match last.cause:
        case "change" if event is not None and event.values:
            source = words.language.of(origin_of(event))
            named = said("a change%(source)s", source=source)
            if event.change_id and source:
                named = said("change %(id)s%(source)s", id=event.change_id, source=source)
            reads = frozenset(facet.partition("@")[0] for facet in explanation.reads)
            return changed_values(event, reads, words), [named] if source else []
        case "change":
            return said("of a change%(source)s", source=origin_of(event)), []
        case "time":
            changed = words.language.gettext(" and ").join(_conditions_changed_by_time(explanation, words))
            return changed or said("time passed"), []
        case "edit" if event is not None and event.type == SegmentCreated.type_name:
            return said("all conditions were already true when the segment was created"), []
        case "edit":
            text = words.language.of(describe_cause(last.cause, last.joined, event))
            return text[0].lower() + text[1:], []
        case "manual" | "import":
            return None, [describe_cause(last.cause, last.joined, event)]
    return words.language.of(describe_cause(last.cause, last.joined, event)).lower(), []


def _conditions_changed_by_time(explanation: MembershipExplanation, words: Words) -> Iterator[str]:
    """Yields the conditions whose result time changed at the last join or leave.

    Exact only while the customer's values are still those of that instant.
    """
    if explanation.tree_at is None or explanation.last is None:
        return
    at = micros(explanation.last.at)
    before, after = (
        explanation.tree_at(explanation.days.moment(at - 1)),
        explanation.tree_at(explanation.days.moment(at)),
    )
    for old, new in zip(conditions_of(before), conditions_of(after), strict=True):
        if old["result"] != new["result"] and new.get("attribute") != SEGMENT:
            yield describe_passed_time(new, words)


def describe_passed_time(condition: Mapping[str, Any], words: Words) -> str:
    """Returns how time changed a condition's result: "30 days passed since Last order (Oct 24, 2026)"."""
    if "activity" in condition:
        return said("%(question)s became %(value)s", question=words.subject(condition), value=words.actual(condition))
    key, operator = str(condition["attribute"]), str(condition["operator"])
    number: Any = condition.get("value")
    what = f"{words.label(key)} ({words.value(key, condition['actual'])})"
    language = words.language
    unit = UNITS["hour" if operator.endswith("_hours") else "day"]
    if operator in ("in_last_days", "in_last_hours", "more_than_days_ago") and (
        condition["result"] == (operator == "more_than_days_ago")
    ):
        # A day is over when the next one begins; an instant is to the microsecond.
        time = language.ngettext(*unit, int(number))
        if words.types.get(key) == "date":
            return language.gettext("more than %(time)s passed since %(what)s", time=time, what=what)
        return language.gettext("%(time)s passed since %(what)s", time=time, what=what)
    if operator in ("in_next_days", "in_next_hours") and condition["result"]:
        time = language.ngettext(*unit, int(number))
        return language.gettext("%(what)s came within %(time)s", what=what, time=time)
    said_of = {"condition": words.condition(condition), "value": words.value(key, condition["actual"])}
    if condition["result"]:
        return language.gettext("“%(condition)s” became true for %(value)s as time passed", **said_of)
    return language.gettext("“%(condition)s” stopped being true for %(value)s as time passed", **said_of)
