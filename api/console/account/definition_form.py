"""The form of a computed attribute: its definition as plain fields, and as the JSON that the domain reads.

Used by `api.console.account.computed_attributes`. What the fields say together is checked by the domain, whose pointers
lead back to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from api.console.web.form_body import FormFields
from domain import json_text
from domain.errors import FieldError, Invalid
from domain.filters.behaviour.measures import Aggregate
from domain.texts.language import said
from domain.values import instant_text

FIELDS = (
    "key", "label", "activity", "aggregate", "of", "window", "amount", "period", "first", "last", "where"
)  # fmt: skip
EMPTY = dict.fromkeys(FIELDS, "") | {"aggregate": "count", "window": "last_days", "amount": "30"}
AGGREGATE_WORDS: dict[Aggregate, str] = {
    "count": said("How many times"),
    "sum": said("Sum of a property"),
    "min": said("Least value of a property"),
    "max": said("Greatest value of a property"),
    "average": said("Average of a property"),
    "distinct": said("How many different values of a property"),
    "first_at": said("When for the first time"),
    "last_at": said("When for the last time"),
    "latest": said("Latest value of a property"),
}
WINDOW_WORDS = {
    "": said("Ever"),
    "last_days": said("In the last … days"),
    "last_hours": said("In the last … hours"),
    "in_period": said("In a period of the calendar"),
    "since": said("Since an instant"),
    "between": said("Between two instants"),
}


def typed_in(form: FormFields) -> dict[str, str]:
    """Returns what was typed, by field."""
    return {name: form.text(name).strip() for name in FIELDS}


def typed_of(key: str, label: str | None, definition: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """Returns what the form shows of a definition, instants in the account's time zone."""
    ((window, value),) = (definition.get("window") or {"": ""}).items()
    instants = [_local(each, zone) for each in (value if window == "between" else [value])]
    where = definition.get("where")
    return dict.fromkeys(FIELDS, "") | {
        "key": key,
        "label": label or "",
        "activity": definition["activity"],
        "aggregate": definition["aggregate"],
        "of": definition.get("of") or "",
        "window": window,
        "amount": str(value) if window in ("last_days", "last_hours") else "",
        "period": value if window == "in_period" else "",
        "first": instants[0] if window in ("since", "between") else "",
        "last": instants[1] if window == "between" else "",
        "where": "" if where is None else json_text.dumps(where).decode(),
    }


def definition_of(typed: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """Returns the definition as JSON. Raises `Invalid` where `where` is none."""
    definition: dict[str, Any] = {"activity": typed["activity"], "aggregate": typed["aggregate"]}
    if typed["of"]:
        definition["of"] = typed["of"]
    match typed["window"]:
        case "":
            pass
        case "last_days" | "last_hours" as kind:
            amount = typed["amount"]
            definition["window"] = {kind: int(amount) if amount.isdecimal() and len(amount) < 9 else amount}
        case "between":
            definition["window"] = {"between": [_instant(typed[name], zone) for name in ("first", "last")]}
        case "since":
            definition["window"] = {"since": _instant(typed["first"], zone)}
        case kind:
            definition["window"] = {kind: typed["period"]}
    if typed["where"]:
        try:
            definition["where"] = json_text.parse(typed["where"].encode("utf-8", "replace"))
        except Invalid as broken:
            raise Invalid.at("/computed/where", broken.code, f"is no JSON: {broken.detail}") from None
    return definition


def errors_by_field(errors: Sequence[FieldError]) -> dict[str, str]:
    """Returns what is wrong, by field of the form."""
    return {_field_of(each.pointer): each.detail for each in reversed(errors)}


def _field_of(pointer: str) -> str:
    if pointer == "/name":
        return "label"
    name, *steps = pointer.removeprefix("/computed").split("/")[1:] or [""]
    if name == "window" and steps:
        fields = {"in_period": "period", "since": "first", "between": "first"}
        return fields.get(steps[0], "amount")
    return name if name in FIELDS else ""


def _local(text: Any, zone: ZoneInfo) -> str:
    # At both ends of the calendar there may be no local time: then as it is.
    with suppress(ValueError, OverflowError, TypeError):
        return datetime.fromisoformat(text).astimezone(zone).replace(tzinfo=None).isoformat()
    return str(text)


def _instant(text: str, zone: ZoneInfo) -> str:
    """Returns an instant in the account's time zone as text; what is none is for the domain to refuse."""
    with suppress(ValueError, OverflowError):
        local = datetime.fromisoformat(text)
        return instant_text(local if local.tzinfo else local.replace(tzinfo=zone))
    return text
