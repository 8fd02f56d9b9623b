"""An activity: a dated fact of what a customer did, as it enters (SEMANTICS, "Behaviour").

Every door parses what it receives into an `Activity` within a `domain.customer.CustomerChange`, so that facts and
changes of one customer stay in order; `domain.commands.changes.activity_fold` checks and records them. A fact that was
taken in before, by its source and id, is known by its mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import FieldError, Invalid
from domain.values import AttributeType, BadValue, Value, infer_type, is_attribute_key, is_missing, normalise

MAX_PROPERTIES = 100


class Activity(NamedTuple):
    """What was done: a name, like an attribute's key, and flat properties, whose values are not yet checked."""

    name: str
    properties: Mapping[str, Any]


def parse_activity(raw: Any) -> Activity:
    """Returns the activity of a JSON object with `name` and `properties`. Raises `Invalid` with a pointer."""
    if not isinstance(raw, Mapping):
        raise Invalid.at("", "invalid_body", "needs a JSON object with name and properties")
    name, properties = raw.get("name"), raw.get("properties")
    if not isinstance(name, str):
        raise Invalid.at("/name", "name_required", "names the activity, such as order_completed")
    if properties is not None and not isinstance(properties, Mapping):
        raise Invalid.at("/properties", "invalid_field", "needs a JSON object")
    unknown = next((each for each in raw if each not in ("name", "properties")), None)
    if unknown is not None:
        raise Invalid.at(f"/{unknown}", "invalid_field", "is not known; an activity has name and properties")
    return Activity(name, properties or {})


def mistakes_of(activity: Activity) -> list[FieldError]:
    """Returns what is wrong with an activity whatever the account; the values of its properties are not looked at."""
    key = "a-z, 0-9 and _, begins with a letter, at most 63 long"
    if not is_attribute_key(activity.name):
        return [FieldError("/name", "invalid_activity_name", f"the name of an activity is {key}")]
    if len(activity.properties) > MAX_PROPERTIES:
        detail = f"{len(activity.properties):,} properties; an activity has at most {MAX_PROPERTIES}"
        return [FieldError("/properties", "too_many_properties", detail)]
    return [
        FieldError(f"/properties/{each}", "invalid_property_key", f"the key of a property is {key}")
        for each in activity.properties
        if not is_attribute_key(each)
    ]


class Properties(NamedTuple):
    """The properties of an activity: values in normal form, the types of new ones, and what is wrong with the rest."""

    values: dict[str, Value]
    inferred: dict[str, AttributeType]
    mistakes: list[FieldError]


def check_properties(activity: Activity, types: Mapping[str, AttributeType]) -> Properties:
    """Returns the properties of an activity as their `types` say; one without a type gets that of its value."""
    checked = Properties({}, {}, [])
    for key, raw in activity.properties.items():
        if is_missing(raw):
            continue
        kind = types.get(key) or infer_type(raw)
        value = kind if isinstance(kind, BadValue) else normalise(kind, raw)
        if isinstance(value, BadValue):
            checked.mistakes.append(FieldError(f"/properties/{key}", value.code, value.detail))
        elif value is not None:
            checked.values[key] = value
            if key not in types and not isinstance(kind, BadValue):
                checked.inferred[key] = kind
    return checked


def mark_of(account_id: UUID, source: str, activity_id: str) -> UUID:
    """Returns by what a fact is known again, with 128 bits of BLAKE2."""
    text = f"{account_id}\n{source}\n{activity_id}"
    return UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())
