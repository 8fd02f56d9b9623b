"""Reads the left side of a behavioural condition, or a computed attribute, into a `Measure`.

Called by the parser of filters (`domain.filters.parsing`), which reads the conditions of `where`. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from domain.errors import FieldError
from domain.filters.behaviour.measures import AGGREGATES, MARK, OF_NUMBER, OF_PROPERTY, Matches, Measure
from domain.filters.behaviour.windows import FOREVER, Last, read_window
from domain.filters.operators import DAY
from domain.texts.language import said
from domain.values import AttributeType

FIELDS = ("activity", "where", "aggregate", "of", "window")
# In what is stored also: after how many days an activity counted no more when the filter took effect.
KEPT = "kept_days"
MAX_WHERE_DEPTH = 2
MAX_WHERE_CONDITIONS = 20
# The types of the properties of each activity that an account knows.
Activities = Mapping[str, Mapping[str, AttributeType]]
NO_ACTIVITIES: Activities = MappingProxyType({})


class Behaviour(NamedTuple):
    """What the filters of an account may ask of behaviour: its activities, and its computed attributes' definitions.

    An activity counts until it is `kept_days` old.
    """

    activities: Activities = NO_ACTIVITIES
    computed: Mapping[str, Any] = MappingProxyType({})
    kept_days: int | None = None


# Reads conditions on properties of these types, at a pointer.
ReadWhere = Callable[[Any, Mapping[str, AttributeType], str], Matches | list[FieldError]]


def read_measure(
    raw: Mapping[str, Any], activities: Activities, pointer: str, where: ReadWhere, kept_days: int | None = None
) -> Measure | list[FieldError]:
    """The measure of its JSON form, of which other fields than `FIELDS` are ignored; or every mistake in it.

    An activity counts until it is `kept_days` old, or what the JSON itself says as `KEPT`.
    """
    name, aggregate, of = raw.get("activity"), raw.get("aggregate"), raw.get("of")
    if not isinstance(name, str) or name not in activities:
        detail = said("no such activity%(nearest)s; record one first", nearest=_nearest(activities))
        return [FieldError(f"{pointer}/activity", "unknown_activity", detail)]
    types = activities[name]
    if aggregate not in AGGREGATES:
        return [
            FieldError(
                f"{pointer}/aggregate", "unknown_aggregate", said("needs one of %(known)s", known=", ".join(AGGREGATES))
            )
        ]
    mistakes = [] if (mistake := _mistake_in_of(aggregate, of, name, types, pointer)) is None else [mistake]
    kept_days = raw.get(KEPT, kept_days)
    window = read_window(raw.get("window"), f"{pointer}/window", FOREVER if kept_days is None else kept_days * DAY)
    if isinstance(window, FieldError):
        mistakes.append(window)
    asked = raw.get("where")
    fits = None if asked in (None, [], {"all": []}) else where(asked, types, f"{pointer}/where")
    if isinstance(fits, list):
        mistakes += fits
    if mistakes or isinstance(window, FieldError) or isinstance(fits, list):
        return mistakes
    definition = {key: raw[key] for key in FIELDS if raw.get(key) is not None}
    if fits is None:
        definition.pop("where", None)
    parts = [name, aggregate, of, repr(window), definition.get("where")]
    if kept_days is not None:
        definition[KEPT] = kept_days
        if not isinstance(window, Last):
            parts.append(kept_days)
    key = _key(parts)
    source = json.dumps([name, of, definition.get("where")], sort_keys=True, default=str)
    return Measure(key, name, aggregate, _type(aggregate, of, types), window, of, fits, source, definition)


def _mistake_in_of(
    aggregate: str, of: Any, activity: str, types: Mapping[str, AttributeType], pointer: str
) -> FieldError | None:
    at = f"{pointer}/of"
    if aggregate not in OF_PROPERTY:
        return (
            None
            if of is None
            else FieldError(
                at, "invalid_field", said("%(aggregate)s is of no property; leave it out", aggregate=aggregate)
            )
        )
    if of is None:
        return FieldError(
            at, "property_required", said("names the property whose %(aggregate)s is asked for", aggregate=aggregate)
        )
    if not isinstance(of, str) or of not in types:
        known = said("; known: %(names)s", names=", ".join(sorted(types)[:10])) if types else ""
        return FieldError(
            at, "unknown_property", said("%(activity)s has no such property%(known)s", activity=activity, known=known)
        )
    if aggregate in OF_NUMBER and types[of] != "number":
        return FieldError(
            at,
            "property_type_mismatch",
            said("%(of)s is a %(type)s; %(aggregate)s is of a number", of=of, type=types[of], aggregate=aggregate),
        )
    return None


def _type(aggregate: str, of: str | None, types: Mapping[str, AttributeType]) -> AttributeType:
    if aggregate in ("first_at", "last_at"):
        return "datetime"
    return types[of] if aggregate == "latest" and of is not None else "number"


def _nearest(activities: Activities) -> str:
    return said("; known: %(names)s", names=", ".join(sorted(activities)[:10])) if activities else ""


def _key(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return MARK + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
