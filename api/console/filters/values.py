"""Values of conditions as a person types them: which inputs an operator needs, what stands in them, what they say.

`shown` and `read` are each other's inverse. Where an input cannot show a value exactly (an instant to the
microsecond, a text of two lines), the value travels beside it, and counts for as long as nobody types.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from domain import json_text
from domain.errors import Invalid
from domain.filters.nesting import SEGMENT
from domain.filters.operators import OPERATORS, Takes
from domain.values import AttributeType, BadValue, instant_text, normalise

Kind = Literal["text", "number", "boolean", "date", "datetime", "count", "period", "return_period", "segment", "month"]
Shape = Literal["none", "one", "pair", "several", "months"]
Inputs = tuple[Shape, Kind]
NOTHING: Inputs = ("none", "text")
EMPTY = "Choose a value"
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?\Z", re.ASCII)
_WHOLE = re.compile(r"\d{1,12}\Z", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\Z", re.ASCII)
_BY_TAKES: dict[Takes, Inputs] = {
    "nothing": NOTHING, "fragment": ("one", "text"), "texts": ("several", "text"), "day": ("one", "date"),
    "count": ("one", "count"), "positive_count": ("one", "count"), "year_days": ("one", "count"),
    "period": ("one", "period"), "return_period": ("one", "return_period"), "months": ("months", "month"),
}  # fmt: skip


class Unreadable(Exception):
    """What was typed is not (yet) a value; the text says what to do."""


def inputs_of(attribute: str, operator: str, types: dict[str, AttributeType]) -> Inputs:
    """The inputs that a condition's value needs."""
    if attribute == SEGMENT:
        return "several", "segment"
    kind = types.get(attribute)
    row = None if kind is None else OPERATORS[kind].get(operator)
    if kind is None or row is None:
        return NOTHING
    shapes: dict[Takes, Shape] = {"one": "one", "several": "several", "pair": "pair"}
    if row.takes in shapes:
        return shapes[row.takes], "text" if kind == "list" else kind
    return _BY_TAKES[row.takes]


def shown(kind: Kind, value: Any, zone: ZoneInfo) -> str:
    """The text with which an input shows a value."""
    match kind:
        case "boolean":
            return "true" if value is True else "false" if value is False else ""
        case "number" | "count" | "month":
            return _number_shown(value)
        case "datetime":
            return _instant_shown(value, zone)
        case "text":
            return re.sub(r"[\r\n]", "", str(value).strip())
    return str(value).strip()


def read(kind: Kind, text: str, zone: ZoneInfo) -> Any:
    """The value, as JSON, that a text in an input says. Raises `Unreadable`."""
    text = text.strip()
    if not text:
        raise Unreadable(EMPTY)
    match kind:
        case "boolean":
            return text == "true"
        case "number":
            return _number(text)
        case "count" | "month":
            if not _WHOLE.match(text):
                raise Unreadable("Needs a whole number such as 30")
            return int(text)
        case "datetime":
            return _instant(text, zone)
    return text


def exact(kind: Kind, value: Any, zone: ZoneInfo) -> str:
    """The value as JSON where its input cannot show all of it, otherwise nothing."""
    try:
        again = read(kind, shown(kind, value, zone), zone)
    except Unreadable:
        again = None
    return "" if _normal(kind, again) == _normal(kind, value) else token(value)


def read_beside(kind: Kind, text: str, beside: str, zone: ZoneInfo) -> Any:
    """As `read`; the exact value `beside` counts while its input shows what it showed. Raises `Unreadable`."""
    if beside:
        value = untoken(beside)
        if isinstance(value, str | int | Decimal) and shown(kind, value, zone) == text:
            return value
    return read(kind, text, zone)


def token(value: Any) -> str:
    """A value as JSON in one line."""
    return json_text.dumps(value).decode()


def untoken(text: str) -> Any:
    """The value of such a line; `None` for anything else."""
    try:
        return json_text.parse(text.encode("utf-8", "replace"))
    except Invalid:
        return None


def split(kind: Kind, text: str) -> list[str]:
    """The values that somebody typed one after the other, by comma or by line."""
    if kind == "segment":
        return [text.strip()] if text.strip() else []
    return [part.strip() for part in re.split(r"[,\r\n]", text) if part.strip()]


def _normal(kind: Kind, value: Any) -> Any:
    if kind in ("text", "number", "boolean", "date", "datetime"):
        normal = normalise(kind, value)
        return None if isinstance(normal, BadValue) else normal
    return value


def _number_shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < 100 else str(value)


def _number(text: str) -> int | Decimal:
    if not _NUMBER.match(text):
        raise Unreadable("Needs a number such as 12.5")
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else Decimal(text)


def _instant_shown(value: Any, zone: ZoneInfo) -> str:
    normal = normalise("datetime", value)
    if not isinstance(normal, str):
        return str(value)
    instant = datetime.fromisoformat(normal)
    try:
        local = instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        local = instant.replace(tzinfo=None)
    if local.microsecond:
        return local.isoformat(timespec="milliseconds")
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _instant(text: str, zone: ZoneInfo) -> str:
    if not _LOCAL.match(text):
        raise Unreadable("Needs a date and a time")
    try:
        return instant_text(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        raise Unreadable("Not an instant of the calendar") from None
