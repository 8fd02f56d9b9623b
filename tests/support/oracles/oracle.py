"""The rules of membership a second time: naive and slow, from the page of semantics alone.

The tests hold every evaluator against this one, so nothing of `domain` or `projections` is used here.
Numbers are fractions, dates and instants those of `datetime`, lists sets; whatever is missing is `None`.
A customer is the result of all their changes, sorted by time and folded from scratch.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Values = dict[str, Any]

BUILT_IN = {
    "phone": "text",
    "name": "text",
    "external_id": "text",
    "tags": "list",
    "opted_out": "boolean",
    "created_at": "datetime",
}
NEGATIONS = {
    "is_not_set": "is_set",
    "not_equals": "equals",
    "not_in": "in",
    "not_contains": "contains",
    "not_between": "between",
    "includes_none": "includes_any",
    "not_includes_all": "includes_all",
    "not_on": "on",
}
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INSTANT = re.compile(
    r"([0-9-]{10})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


UNSEEN = [
    *range(1, 9), *range(0xE, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0), 0xAD, 0x61C, 0x200B, 0x200E, 0x200F,
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB,
]  # fmt: skip


class Bad(Exception):
    """A value that cannot be stored."""


# Values


def trimmed(raw: str) -> str:
    text = "".join(char for char in raw if ord(char) not in UNSEEN).strip()
    return "" if set(text) <= {"\u200c", "\u200d"} else text


def is_missing(raw: Any) -> bool:
    if isinstance(raw, list):
        return all(isinstance(each, str) and not trimmed(each) for each in raw)
    return raw is None or (isinstance(raw, str) and not trimmed(raw))


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def a_text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise Bad("no text")
    text = trimmed(raw)
    if len(text) > 4_096 or "\0" in text or any(0xD800 <= ord(char) < 0xE000 for char in text):
        raise Bad("cannot be stored")
    return text


def a_number(raw: Any) -> Fraction:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise Bad("no number")
    return Fraction(Decimal(str(raw)))


def a_boolean(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise Bad("no boolean")
    return raw


def a_date(raw: Any) -> date:
    if not isinstance(raw, str) or not DATE.fullmatch(trimmed(raw)):
        raise Bad("no date")
    year, month, day = map(int, trimmed(raw).split("-"))
    try:
        return date(year, month, day)
    except ValueError:
        raise Bad("no day of the calendar") from None


def an_instant(raw: Any) -> datetime:
    matched = INSTANT.fullmatch(trimmed(raw)) if isinstance(raw, str) else None
    if matched is None:
        raise Bad("no instant")
    day, hour, minute, second, fraction, sign, hours, minutes = matched.groups()
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise Bad("no offset")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    microsecond = int(((fraction or "") + "000000")[:6])
    on = a_date(day)
    try:
        local = datetime(on.year, on.month, on.day, int(hour), int(minute), int(second), microsecond, UTC)
        return local - offset
    except (ValueError, OverflowError):
        raise Bad("no instant of the calendar") from None


def a_list(raw: Any) -> frozenset[str]:
    if not isinstance(raw, list):
        raise Bad("no list")
    members = frozenset(a_text(each) for each in raw) - {""}
    if len(members) > 256:
        raise Bad("too long")
    return members


READERS: dict[str, Callable[[Any], Any]] = {
    "text": a_text,
    "number": a_number,
    "boolean": a_boolean,
    "date": a_date,
    "datetime": an_instant,
    "list": a_list,
}


def normal(kind: str, raw: Any) -> Any:
    """The value that is kept. Raises `Bad`."""
    return None if is_missing(raw) else READERS[kind](raw)


def inferred_type(raw: Any) -> str:
    """The type of an attribute by the first value seen. Raises `Bad`."""
    for kind in ("boolean", "number", "date", "datetime", "text", "list"):
        try:
            READERS[kind](raw)
        except Bad:
            continue
        return kind
    raise Bad("neither")


# Filters


def holds(node: Any, types: Mapping[str, str], values: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Whether a customer with these values matches a filter, given as the JSON that was saved."""
    if isinstance(node, list):
        node = {"all": node}
    if "all" in node:
        return node["all"] != [] and all(holds(each, types, values, zone) for each in node["all"])
    if "any" in node:
        return any(holds(each, types, values, zone) for each in node["any"])
    if "not" in node:
        return not holds(node["not"], types, values, zone)
    key, operator = node["attribute"], node["operator"]
    positive = NEGATIONS.get(operator, operator)
    value = values.get(key)
    is_true = value is not None and _is_true(types[key], positive, node.get("value"), value, zone)
    return not is_true if operator in NEGATIONS else is_true


def _is_true(kind: str, operator: str, operand: Any, value: Any, zone: ZoneInfo) -> bool:
    if operator == "is_set":
        return True
    if kind == "text":
        return _text_is_true(operator, operand, fold(value))
    if kind == "list":
        has = {fold(member) for member in value}
        wanted = {fold(a_text(each)) for each in operand}
        return bool(has & wanted) if operator == "includes_any" else has >= wanted
    if kind == "datetime" and operator == "on":
        try:
            return bool(value.astimezone(zone).date() == a_date(operand))
        except OverflowError:  # its date has no year between 1 and 9999
            return False
    if operator == "in":
        return any(value == normal(kind, each) for each in operand)
    if operator == "between":
        return bool(normal(kind, operand[0]) <= value <= normal(kind, operand[1]))
    other = normal(kind, operand)
    return bool(
        {
            "equals": value == other,
            "less_than": kind != "boolean" and value < other,
            "before": kind != "boolean" and value < other,
            "at_most": kind != "boolean" and value <= other,
            "on_or_before": kind != "boolean" and value <= other,
            "greater_than": kind != "boolean" and value > other,
            "after": kind != "boolean" and value > other,
            "at_least": kind != "boolean" and value >= other,
            "on_or_after": kind != "boolean" and value >= other,
        }[operator]
    )


def _text_is_true(operator: str, operand: Any, text: str) -> bool:
    if operator == "in":
        return text in [fold(a_text(each)) for each in operand]
    other = fold(a_text(operand))
    size = len(other)
    return {
        "equals": text == other,
        "contains": any(text[at : at + size] == other for at in range(len(text))),
        "starts_with": text[:size] == other,
        "ends_with": len(text) >= size and text[len(text) - size :] == other,
    }[operator]


# Customers


@dataclass
class Change:
    """One change as it was sent. `data` is the body, `identity` the pair of source and id; no `at` means now."""

    key: str
    at: datetime | None
    data: dict[str, Any] | None = None
    deletes: bool = False
    identity: tuple[str, str] | None = None


@dataclass
class Person:
    """Every change of one customer that was valid and new, in the order of arrival."""

    key: str
    taken: list[tuple[datetime, int, Values | None]] = field(default_factory=list)
    identities: set[tuple[str, str]] = field(default_factory=set)

    def state(self) -> Values | None:
        """The present values: all changes sorted by time (the later arrival after the earlier), folded from scratch."""
        values: Values | None = None
        for _, _, change in sorted(self.taken, key=lambda each: each[:2]):
            begun = values or {"opted_out": False, "external_id": self.key}
            values = None if change is None else {**begun, **change}
        return values and {key: value for key, value in values.items() if value is not None}

    def take(self, at: datetime | None, values: Values | None, now: datetime) -> None:
        """Keep a change. One of now is kept as one for each value, not before any change that it must win against."""
        if at is not None:
            parts = [(at, values)]
        elif values is None:
            parts = [(max([now, *(time for time, _, _ in self.taken)]), None)]
        else:
            parts = [(self._after(now, None), {}), *((self._after(now, key), {key: values[key]}) for key in values)]
        self.taken += [(time, len(self.taken), part) for time, part in parts]

    def _after(self, now: datetime, key: str | None) -> datetime:
        """The later of now and the times of the deletions, and of the changes of `key`."""
        return max([now, *(time for time, _, part in self.taken if part is None or key in part)])


@dataclass
class Account:
    """The customers of an account, and the types of their attributes."""

    types: dict[str, str] = field(default_factory=lambda: dict(BUILT_IN))
    people: dict[str, Person] = field(default_factory=dict)

    def take(self, change: Change, now: datetime) -> tuple[str, Values | None]:
        """Take one change in: `invalid`, `duplicate`, `nothing` or `effect`, and the state after it."""
        if change.at is not None and change.at > now + timedelta(minutes=5):
            person = self.people.get(change.key) or Person(change.key)
            return "invalid", person.state()
        person = self.people.get(change.key) or Person(change.key)
        try:
            values, kinds = (None, dict[str, str]()) if change.deletes else self._read(change.data or {})
        except Bad:
            return "invalid", person.state()
        self.people[change.key] = person
        self.types |= kinds
        before = person.state()
        if change.identity is not None:
            if change.identity in person.identities:
                return "duplicate", before
            person.identities.add(change.identity)
        person.take(change.at, values, now)
        after = person.state()
        return ("nothing" if before == after else "effect"), after

    def _read(self, data: dict[str, Any]) -> tuple[Values, dict[str, str]]:
        values: Values = {}
        kinds: dict[str, str] = {}
        for key in ("name", "phone", "tags"):
            if key in data:
                values[key] = normal(BUILT_IN[key], data[key])
        if "opted_out" in data:
            values["opted_out"] = bool(data["opted_out"])
        for key, raw in (data.get("attributes") or {}).items():
            if key in BUILT_IN or not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", key):
                raise Bad("no key of an attribute")
            if key not in self.types and not is_missing(raw):
                kinds[key] = inferred_type(raw)
            kind = self.types.get(key) or kinds.get(key)
            values[key] = None if kind is None else normal(kind, raw)
        return values, kinds


def matching(node: Any, account: Account, zone: ZoneInfo) -> set[str]:
    """The keys of the customers who match a filter now."""
    states = {key: person.state() for key, person in account.people.items()}
    return {key for key, values in states.items() if values and holds(node, account.types, values, zone)}
