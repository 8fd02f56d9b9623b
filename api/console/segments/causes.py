"""Why a customer joined or left a segment, in words. Used by the pages `why` and `history`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.console.segments.explained_filter import conditions_of
from domain.filters.nesting import SEGMENT
from domain.filters.wording import Words, plural
from domain.instants import micros
from domain.stored_events import SegmentCreated, SegmentRefreshed
from projections.read.explanations import EventDetails, MembershipExplanation

MOST_CHANGES = 3
IMPORT_SOURCE, BULK_SOURCE = "import:", "bulk:"


def describe_cause(cause: str, joined: bool, event: EventDetails | None) -> str:
    """Returns a cause other than a change of the customer's data, as lists show it: "The filter was edited"."""
    match cause:
        case "time":
            return "Time passed"
        case "edit" if event is not None and event.type == SegmentCreated.type_name:
            return "The segment was created"
        case "edit" if event is not None and event.type == SegmentRefreshed.type_name:
            return "The filter of a segment that this one uses was edited"
        case "edit":
            return "The filter was edited"
        case "manual":
            return "Added by hand" if joined else "Removed by hand"
        case "import":
            return "Added by a CSV import"
        case "deletion":
            return "The customer was erased"
    return f"A change{origin_of(event)}"


def describe_change(event: EventDetails | None, reads: frozenset[str], words: Words) -> str:
    """Returns a change of the customer's data, as lists show it: "Plan changed to gold, from /crm"."""
    text = changed_values(event, reads, words) if event is not None else ""
    source = origin_of(event)
    if not text:
        return f"A change{source}"
    return f"{text[0].upper()}{text[1:]}{',' if source else ''}{source}"


def origin_of(event: EventDetails | None) -> str:
    """Returns where a change came from: " from /crm", " from a CSV import", an empty text where that is not known."""
    if event is None or not event.source:
        return ""
    if event.source.startswith(IMPORT_SOURCE):
        return " from a CSV import"
    if event.source.startswith(BULK_SOURCE):
        return " from a bulk request"
    return f" from {event.source}"


def changed_values(event: EventDetails, reads: frozenset[str], words: Words) -> str:
    """Returns what a change set of the attributes that a filter reads: "Plan changed to gold".

    If it set none of them, everything it set; an empty text once the customer is erased.
    """
    values = {key: value for key, value in event.values.items() if key in reads}
    if not values:
        values = {key: value for key, value in event.values.items() if key not in ("created_at", "opted_out")}
    verb = "is" if event.created else "changed to"
    parts = [_changed_to(key, value, verb, words) for key, value in list(values.items())[:MOST_CHANGES]]
    if len(values) > MOST_CHANGES:
        parts.append(f"{len(values) - MOST_CHANGES} more")
    text = " and ".join(parts)
    if not event.created:
        return text
    return f"the customer was new, and {text}" if text else "the customer was new"


def _changed_to(key: str, value: Any, verb: str, words: Words) -> str:
    if value is None:
        return f"{words.label(key)} was removed"
    return f"{words.label(key)} {verb} {words.value(key, value)}"


def reason_of(explanation: MembershipExplanation, words: Words) -> tuple[str | None, list[str]]:
    """Returns what happened last, as the end of a sentence that begins with "because", and further details."""
    last, event = explanation.last, explanation.event
    if last is None:
        return None, []
    match last.cause:
        case "change" if event is not None and event.values:
            source = origin_of(event)
            named = f"change {event.change_id}{source}" if event.change_id and source else f"a change{source}"
            reads = frozenset(facet.partition("@")[0] for facet in explanation.reads)
            return changed_values(event, reads, words), [named] if source else []
        case "change":
            return f"of a change{origin_of(event)}", []
        case "time":
            return " and ".join(_conditions_changed_by_time(explanation, words)) or "time passed", []
        case "edit" if event is not None and event.type == SegmentCreated.type_name:
            return "all conditions were already true when the segment was created", []
        case "edit":
            text = describe_cause(last.cause, last.joined, event)
            return text[0].lower() + text[1:], []
        case "manual" | "import":
            return None, [describe_cause(last.cause, last.joined, event)]
    return describe_cause(last.cause, last.joined, event).lower(), []


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
        if old["result"] != new["result"] and new["attribute"] != SEGMENT:
            yield describe_passed_time(new, words)


def describe_passed_time(condition: Mapping[str, Any], words: Words) -> str:
    """Returns how time changed a condition's result: "30 days passed since Last order (Oct 24, 2026)"."""
    key, operator = str(condition["attribute"]), str(condition["operator"])
    number: Any = condition.get("value")
    what = f"{words.label(key)} ({words.value(key, condition['actual'])})"
    unit = "hour" if operator.endswith("_hours") else "day"
    if operator in ("in_last_days", "in_last_hours", "more_than_days_ago") and (
        condition["result"] == (operator == "more_than_days_ago")
    ):
        # A day is over when the next one begins; an instant is to the microsecond.
        more = "more than " if words.types.get(key) == "date" else ""
        return f"{more}{plural(int(number), unit)} passed since {what}"
    if operator in ("in_next_days", "in_next_hours") and condition["result"]:
        return f"{what} came within {plural(int(number), unit)}"
    verb = "became" if condition["result"] else "stopped being"
    return f"“{words.condition(condition)}” {verb} true for {words.value(key, condition['actual'])} as time passed"
