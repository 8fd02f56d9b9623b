"""Values of conditions as people type them: which inputs an operator needs, their texts, and what the texts mean.

`value_to_text` and `value_from_text` are each other's inverse. Where an input cannot show a value exactly (an instant
to the microsecond, a text of two lines), the exact value is sent in a hidden field beside it, and is used as long as
the text is not changed.
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
from domain.filters.operands import Takes
from domain.filters.operators import OPERATORS
from domain.texts.language import said
from domain.values import AttributeType, BadValue, instant_text, normalise

Kind = Literal["text", "number", "boolean", "date", "datetime", "count", "period", "return_period", "segment", "month"]
Shape = Literal["none", "one", "pair", "several", "months"]
Inputs = tuple[Shape, Kind]
NO_INPUTS: Inputs = ("none", "text")
CHOOSE_A_VALUE = said("Choose a value")
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?\Z", re.ASCII)
_WHOLE = re.compile(r"\d{1,12}\Z", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\Z", re.ASCII)
_BY_TAKES: dict[Takes, Inputs] = {
    "nothing": NO_INPUTS,
    "fragment": ("one", "text"),
    "texts": ("several", "text"),
    "day": ("one", "date"),
    "count": ("one", "count"),
    "positive_count": ("one", "count"),
    "year_days": ("one", "count"),
    "period": ("one", "period"),
    "return_period": ("one", "return_period"),
    "months": ("months", "month"),
}


class NotAValue(Exception):
    """What was typed is not (yet) a value; the message says what to do."""


def inputs_of(attribute: str, operator: str, types: dict[str, AttributeType]) -> Inputs:
    """Returns the inputs that the value of a condition needs."""
    return ("several", "segment") if attribute == SEGMENT else inputs_of_type(types.get(attribute), operator)


def inputs_of_type(kind: AttributeType | None, operator: str) -> Inputs:
    """Returns the inputs that a value needs which is compared with one of this type."""
    row = None if kind is None else OPERATORS[kind].get(operator)
    if kind is None or row is None:
        return NO_INPUTS
    shapes: dict[Takes, Shape] = {"one": "one", "several": "several", "pair": "pair"}
    if row.takes in shapes:
        return shapes[row.takes], "text" if kind == "list" else kind
    return _BY_TAKES[row.takes]


def value_to_text(kind: Kind, value: Any, zone: ZoneInfo) -> str:
    """Returns the text with which an input shows a value."""
    match kind:
        case "boolean":
            return "true" if value is True else "false" if value is False else ""
        case "number" | "count" | "month":
            return _number_to_text(value)
        case "datetime":
            return _instant_to_text(value, zone)
        case "text":
            return re.sub(r"[\r\n]", "", str(value).strip())
    return str(value).strip()


def value_from_text(kind: Kind, text: str, zone: ZoneInfo) -> Any:
    """Returns the JSON value that the text of an input means. Raises `NotAValue`."""
    text = text.strip()
    if not text:
        raise NotAValue(CHOOSE_A_VALUE)
    match kind:
        case "boolean":
            return text == "true"
        case "number":
            return _number_from_text(text)
        case "count" | "month":
            if not _WHOLE.match(text):
                raise NotAValue(said("Needs a whole number such as 30"))
            return int(text)
        case "datetime":
            return _instant_from_text(text, zone)
    return text


def exact_json(kind: Kind, value: Any, zone: ZoneInfo) -> str:
    """Returns the value as JSON where its input cannot show it exactly, otherwise an empty text."""
    try:
        again = value_from_text(kind, value_to_text(kind, value, zone), zone)
    except NotAValue:
        again = None
    return "" if _normalised(kind, again) == _normalised(kind, value) else to_json_line(value)


def value_from_text_or_exact(kind: Kind, text: str, exact: str, zone: ZoneInfo) -> Any:
    """Returns the value of the JSON in `exact` while the text still shows it, else that of the text.

    Raises `NotAValue`.
    """
    if exact:
        value = from_json_line(exact)
        if isinstance(value, str | int | Decimal) and value_to_text(kind, value, zone) == text:
            return value
    return value_from_text(kind, text, zone)


def to_json_line(value: Any) -> str:
    """Returns a value as JSON on one line."""
    return json_text.dumps(value).decode()


def from_json_line(text: str) -> Any:
    """Returns the value of a JSON text; `None` for anything else."""
    try:
        return json_text.parse(text.encode("utf-8", "replace"))
    except Invalid:
        return None


def split_values(kind: Kind, text: str) -> list[str]:
    """Returns the values of a text that separates them by commas or lines; names of segments by lines only."""
    if kind == "segment":
        return [part.strip() for part in text.splitlines() if part.strip()]
    return [part.strip() for part in re.split(r"[,\r\n]", text) if part.strip()]


def _normalised(kind: Kind, value: Any) -> Any:
    if kind in ("text", "number", "boolean", "date", "datetime"):
        normalised = normalise(kind, value)
        return None if isinstance(normalised, BadValue) else normalised
    return value


def _number_to_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < 100 else str(value)


def _number_from_text(text: str) -> int | Decimal:
    if not _NUMBER.match(text):
        raise NotAValue(said("Needs a number such as 12.5"))
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else Decimal(text)


def _instant_to_text(value: Any, zone: ZoneInfo) -> str:
    normalised = normalise("datetime", value)
    if not isinstance(normalised, str):
        return str(value)
    instant = datetime.fromisoformat(normalised)
    try:
        local = instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        local = instant.replace(tzinfo=None)
    if local.microsecond:
        return local.isoformat(timespec="milliseconds")
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _instant_from_text(text: str, zone: ZoneInfo) -> str:
    if not _LOCAL.match(text):
        raise NotAValue(said("Needs a date and a time"))
    try:
        return instant_text(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        raise NotAValue(said("Not a valid date and time")) from None
