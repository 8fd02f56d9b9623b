"""Foreign names as ours: the traits of an analytics SDK, or the fields of another system, as the data of a change.

Called by every door that takes names that Rollcall did not choose; deploy/docs/names.md has the rules as a table, which
a test compares with this module. What always holds: every value ends either in the data or in `left_out`, under the
name that it was sent with; a valid attribute key stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from domain.activities.activity import MAX_PROPERTIES
from domain.customer import MAX_ATTRIBUTES, RESERVED, CustomerData
from domain.errors import FieldError
from domain.values import is_attribute_key, trim

# Built-in attributes that a foreign system may set; the others are Rollcall's own.
SETTABLE = ("phone", "name", "tags", "opted_out")
OWN_PREFIX, DIGIT_PREFIX = "source_", "x_"
MAX_SHOWN = 100
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


class LeftOut(NamedTuple):
    """A value that was not taken: the name that it was sent with, nested ones with dots, and why."""

    name: str
    code: str
    detail: str


class Mapped(NamedTuple):
    """What foreign fields say of a customer, and what of it cannot be said."""

    data: CustomerData
    left_out: list[LeftOut]


def map_fields(fields: Mapping[str, Any]) -> Mapped:
    """Returns foreign fields, nested ones too, as the data of a customer change."""
    return map_values(each_value(fields))


def map_properties(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[LeftOut]]:
    """Returns foreign fields, nested ones too, as the properties of an activity, and what cannot be one."""
    chosen, left_out = _by_key(each_value(fields), key_of)
    properties: dict[str, Any] = {}
    for key, (name, value) in chosen.items():
        try:
            if len(properties) < MAX_PROPERTIES:
                properties[key] = _texts(value) if isinstance(value, list) else value
            else:
                left_out.append(leave_out(name, "too_many_properties", f"at most {MAX_PROPERTIES} of an activity"))
        except ValueError as wrong:
            left_out.append(leave_out(name, "invalid_value", str(wrong)))
    return properties, left_out


def map_values(values: Iterable[tuple[str, Any]]) -> Mapped:
    """Returns foreign values as the data of a customer change, nested ones by names with dots."""
    chosen, left_out = _by_key(values, attribute_key)
    return Mapped(_data(chosen, left_out), left_out)


def _by_key(
    values: Iterable[tuple[str, Any]], key_of_name: Callable[[str], str | None]
) -> tuple[dict[str, tuple[str, Any]], list[LeftOut]]:
    """Returns foreign values by key, each with its name, and those without a key of their own."""
    chosen: dict[str, tuple[str, Any]] = {}
    left_out: list[LeftOut] = []
    for name, value in values:
        key = key_of_name(name)
        if key is None:
            left_out.append(leave_out(name, "unmappable_name", "no key of at most 63 a-z, 0-9 and _ can be made of it"))
            continue
        before = chosen.get(key)
        if before is None:
            chosen[key] = name, value
        else:
            # Of two names that are the same key, the one that is spelled so is meant, or else the first.
            kept, other = ((name, value), before) if name == key else (before, (name, value))
            chosen[key] = kept
            left_out.append(leave_out(other[0], "same_key", f"{key} is also the key of another name"))
    return chosen, left_out


def attribute_key(name: str) -> str | None:
    """Returns a foreign name as the key of an attribute, or of a built-in one that can be set; `None` for no key."""
    key = key_of(name)
    if key in RESERVED and key not in SETTABLE:
        key = OWN_PREFIX + key
    return key if key is not None and is_attribute_key(key) else None


def key_of(name: str) -> str | None:
    """Returns a foreign name as a key of ours, whatever it is for; `None` where none can be made of it."""
    key = name
    if not is_attribute_key(name):
        plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
        words = _WORD_START.sub("_", plain).casefold()
        if any(each.isalnum() and not each.isascii() for each in words):
            return None
        key = _BETWEEN_WORDS.sub("_", words).strip("_")
        if key[:1].isdigit():
            key = DIGIT_PREFIX + key
    return key if is_attribute_key(key) else None


def left_out_of(errors: tuple[FieldError, ...]) -> list[LeftOut]:
    """Returns the values of mapped data that the account could not take, by their keys."""
    return [leave_out(each.pointer.rpartition("/")[2], each.code, each.detail) for each in errors]


def each_value(fields: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the values of fields, nested ones by names with dots."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from each_value(value, f"{above}{name}.")
        else:
            yield above + name, value


def _data(chosen: Mapping[str, tuple[str, Any]], left_out: list[LeftOut]) -> CustomerData:
    """Returns the data of the values that can be taken; the others join `left_out`."""
    built_in: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for key, (name, value) in chosen.items():
        try:
            if key in SETTABLE:
                built_in[key] = _built_in(key, value)
            elif len(attributes) < MAX_ATTRIBUTES:
                attributes[key] = _texts(value) if isinstance(value, list) else value
            else:
                left_out.append(leave_out(name, "too_many_attributes", f"at most {MAX_ATTRIBUTES} in one change"))
        except ValueError as wrong:
            left_out.append(leave_out(name, "invalid_value", str(wrong)))
    first, last = attributes.get("first_name"), attributes.get("last_name")
    if "name" not in chosen and isinstance(first, str) and isinstance(last, str) and trim(first) and trim(last):
        built_in["name"] = f"{trim(first)} {trim(last)}"
    if attributes:
        built_in["attributes"] = attributes
    return CustomerData(**built_in)


def _built_in(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key == "tags":
        if isinstance(value, list):
            return _texts(value)
        raise ValueError("needs a list of texts")
    if key == "opted_out":
        if isinstance(value, bool):
            return value
        raise ValueError("needs true or false")
    if key == "phone" and type(value) is int:
        return str(value)
    if isinstance(value, str):
        return value
    raise ValueError("needs text")


def _texts(members: list[Any]) -> list[str]:
    """Returns the members of a list as texts, as a list attribute holds them."""
    return [_member(each) for each in members if each is not None]


def _member(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case float() if isfinite(value):
            return str(value)
    raise ValueError("a list can hold texts, numbers, true and false; no objects, no lists")


def leave_out(name: str, code: str, detail: str) -> LeftOut:
    """Returns a value that was left out, under a name that can be stored and shown."""
    shown = "".join(each if each.isprintable() else "�" for each in name[:MAX_SHOWN])
    return LeftOut(shown, code, detail)
