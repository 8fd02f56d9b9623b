"""Why somebody joined a segment or left it, in words. Used by the pages of explanation and of history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.filters.wording import Words, plural
from domain.stored_events import SegmentCreated, SegmentRefreshed
from projections.read.explanations import EventDetails

MOST_CHANGES = 3
IMPORT, BULK = "import:", "bulk:"


def cause_of(cause: str, joined: bool, told: EventDetails | None) -> str:
    """A cause that is no change of the customer's own data, as it stands in a list: "The filter was edited"."""
    match cause:
        case "time":
            return "Time passed"
        case "edit" if told is not None and told.type == SegmentCreated.type_name:
            return "The segment was created"
        case "edit" if told is not None and told.type == SegmentRefreshed.type_name:
            return "The filter of a segment that this one names was edited"
        case "edit":
            return "The filter was edited"
        case "manual":
            return "Added by hand" if joined else "Removed by hand"
        case "import":
            return "Added by a CSV import"
        case "deletion":
            return "The customer was erased"
    return f"A change{origin(told)}"


def change_of(told: EventDetails | None, reads: frozenset[str], words: Words) -> str:
    """A change of the customer's data, as it stands in a list: "Plan changed to gold, from /crm"."""
    text = changed(told, reads, words) if told is not None else ""
    source = origin(told)
    if not text:
        return f"A change{source}"
    return f"{text[0].upper()}{text[1:]}{',' if source else ''}{source}"


def origin(told: EventDetails | None) -> str:
    """Where a change came from: " from /crm", " from a CSV import", nothing where nobody said."""
    if told is None or not told.source:
        return ""
    if told.source.startswith(IMPORT):
        return " from a CSV import"
    if told.source.startswith(BULK):
        return " from a bulk request"
    return f" from {told.source}"


def changed(told: EventDetails, reads: frozenset[str], words: Words) -> str:
    """What a change set of the attributes that a filter reads: "Plan changed to gold"; of all it set where of none.

    Nothing once the person was erased.
    """
    values = {key: value for key, value in told.values.items() if key in reads}
    if not values:
        values = {key: value for key, value in told.values.items() if key not in ("created_at", "opted_out")}
    verb = "is" if told.created else "changed to"
    said = [_changed_to(key, value, verb, words) for key, value in list(values.items())[:MOST_CHANGES]]
    if len(values) > MOST_CHANGES:
        said.append(f"{len(values) - MOST_CHANGES} more")
    text = " and ".join(said)
    if not told.created:
        return text
    return f"the customer was new, and {text}" if text else "the customer was new"


def _changed_to(key: str, value: Any, verb: str, words: Words) -> str:
    if value is None:
        return f"{words.label(key)} was removed"
    return f"{words.label(key)} {verb} {words.value(key, value)}"


def passed(told: Mapping[str, Any], words: Words) -> str:
    """What time did to a condition that it turned true or false: "30 days passed since Last order (Oct 24, 2026)"."""
    key, operator = str(told["attribute"]), str(told["operator"])
    number: Any = told.get("value")
    what = f"{words.label(key)} ({words.value(key, told['actual'])})"
    unit = "hour" if operator.endswith("_hours") else "day"
    if operator in ("in_last_days", "in_last_hours", "more_than_days_ago") and (
        told["result"] == (operator == "more_than_days_ago")
    ):
        # A day is over when the next one begins; an instant is to the microsecond.
        more = "more than " if words.types.get(key) == "date" else ""
        return f"{more}{plural(int(number), unit)} passed since {what}"
    if operator in ("in_next_days", "in_next_hours") and told["result"]:
        return f"{what} came within {plural(int(number), unit)}"
    verb = "became" if told["result"] else "ceased to be"
    return f"“{words.condition(told)}” {verb} true of {words.value(key, told['actual'])} as time passed"
