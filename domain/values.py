"""Attribute values: the six types, their normal form, and folding for comparison.

Called wherever a value enters (customer changes, filters). Afterwards a value is always in normal
form, and missing is always `None`: absent, null, empty text and empty list mean the same.
The rules are the table "Values" of SEMANTICS.

In normal form values compare as they are: numbers as exact `int` or `Decimal`; a date as its ISO
text and a datetime as UTC text of fixed width, both of which sort as time does.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple, get_args

from domain.texts.language import said

AttributeType = Literal["text", "number", "boolean", "date", "datetime", "list"]
ATTRIBUTE_TYPES: tuple[AttributeType, ...] = get_args(AttributeType)

Value = str | int | Decimal | bool | tuple[str, ...]

MAX_TEXT = 4_096
MAX_MEMBERS = 256
MAX_DIGITS = 38
KEY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

_KEY = re.compile(KEY_PATTERN + r"\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Characters that show nothing and that no name needs: control characters that are no space or line break, soft hyphen,
# zero-width space, word joiner, byte order mark, and whatever steers the direction of text or annotates it.
_NEEDLESS = re.compile(
    "[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# Persian, Hindi, Mongolian, Korean and emoji need these beside letters; alone they show nothing.
_UNSEEN = re.compile(
    r"[\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]*\Z"
)


class BadValue(NamedTuple):
    """Why a value cannot be stored: returned, not raised, because whole batches are checked."""

    code: str
    detail: str


def is_attribute_key(key: str) -> bool:
    """Returns whether `key` may name an attribute: lower-case letter first, at most 63 characters."""
    return _KEY.match(key) is not None


def fold(text: str) -> str:
    """The form in which texts are compared: NFC, casefold, NFC (SEMANTICS, "Values")."""
    if text.isascii():
        return text.lower()
    if not text.isprintable():
        # Older releases stored needless characters.
        text = _NEEDLESS.sub("", text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def trim(text: str) -> str:
    """A text without needless characters, and without blanks around it; empty if nothing of it can be seen."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _NEEDLESS.sub("", text).strip()
    return "" if _UNSEEN.match(text) else text


def with_line_feeds(text: str) -> str:
    """The text with each line ended by a line feed alone, as no two clients end lines in the same way."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_one_line(text: str) -> bool:
    """Returns whether a text can be stored and shown in one line, as it is."""
    return len(text.splitlines()) <= 1 and not (_UNSTORABLE.search(text) or _NEEDLESS.search(text))


def matchable(value: Value) -> Value:
    """The form of a text or list value that conditions compare: folded. Values of other types compare as they are."""
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, tuple):
        return tuple(sorted({fold(member) for member in value}))
    return value


def infer_type(raw: object) -> AttributeType | BadValue:
    """The type of an attribute from its first value that is not missing."""
    if isinstance(raw, bool):
        return "boolean"
    if isinstance(raw, int | float | Decimal):
        return "number"
    if isinstance(raw, str):
        text = trim(raw)
        if _DATE.match(text) and isinstance(_date(text), str):
            return "date"
        if _DATETIME.match(text) and isinstance(_datetime(text), str):
            return "datetime"
        return "text"
    if isinstance(raw, list | tuple):
        return "list"
    return BadValue(
        "invalid_value", said("objects cannot be stored; send text, a number, true, false or a list of texts")
    )


def is_missing(raw: object) -> bool:
    """Returns whether a raw JSON value means that there is none."""
    if raw is None:
        return True
    if isinstance(raw, str):
        return not trim(raw)
    if isinstance(raw, list | tuple):
        return all(isinstance(member, str) and not trim(member) for member in raw)
    return False


def normalise(kind: AttributeType, raw: object) -> Value | BadValue | None:
    """A raw JSON value of type `kind` in normal form, `None` where it is missing, or what is wrong with it."""
    if is_missing(raw):
        return None
    match kind:
        case "text":
            return _text(raw)
        case "number":
            return _number(raw)
        case "boolean":
            return raw if isinstance(raw, bool) else _mismatch("true or false", raw)
        case "date":
            return _date(trim(raw)) if isinstance(raw, str) else _mismatch("a date such as 2026-05-20", raw)
        case "datetime":
            return _datetime(trim(raw)) if isinstance(raw, str) else _mismatch("an instant", raw)
        case "list":
            return _list(raw)


def instant_text(instant: datetime) -> str:
    """An aware datetime as the fixed-width UTC text that datetime values have."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _text(raw: object) -> str | BadValue:
    if not isinstance(raw, str):
        return _mismatch("text", raw)
    return _storable(trim(raw))


def _storable(text: str) -> str | BadValue:
    if len(text) > MAX_TEXT:
        return BadValue(
            "text_too_long",
            said(
                "text of %(count)s characters; at most %(max_text)s can be stored", count=len(text), max_text=MAX_TEXT
            ),
        )
    if (not text.isascii() and _UNSTORABLE.search(text)) or "\x00" in text:
        return BadValue("invalid_text", said("text holds a NUL or a lone surrogate; remove it"))
    return text


def _number(raw: object) -> int | Decimal | BadValue:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return _mismatch("a number", raw)
    if type(raw) is int and -(10**15) < raw < 10**15:
        return raw
    try:
        number = Decimal(str(raw)) if isinstance(raw, float) else Decimal(raw)
    except InvalidOperation:
        return _mismatch("a number", raw)
    if not number.is_finite():
        return BadValue("invalid_number", said("NaN and infinities are not numbers that can be compared"))
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    while len(digits) > 1 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if digits == (0,):
        return 0
    if len(digits) > MAX_DIGITS or not exponent >= -MAX_DIGITS or len(digits) + exponent > MAX_DIGITS:
        return BadValue("number_out_of_range", said("more than %(max_digits)s digits; round it", max_digits=MAX_DIGITS))
    exact = Decimal((number.is_signed(), digits, exponent))
    return int(exact) if exponent >= 0 else exact


def _date(text: str) -> str | BadValue:
    if _DATE.match(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            return BadValue("invalid_date", said("%(text)s is not a day of the calendar", text=text))
        return text
    return _mismatch("a date such as 2026-05-20", text)


def _datetime(text: str) -> str | BadValue:
    matched = _DATETIME.match(text)
    if matched is None:
        return _mismatch("an instant such as 2026-05-20T10:00:00Z", text)
    day, clock, fraction, offset = matched.groups()
    micros = ((fraction or "") + "000000")[:6]
    zone = "+00:00" if offset in "Zz" else offset
    try:
        return instant_text(datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}"))
    except (ValueError, OverflowError):
        return BadValue("invalid_datetime", said("not an instant of the calendar between the years 1 and 9999"))


def _list(raw: object) -> tuple[str, ...] | BadValue:
    if not isinstance(raw, list | tuple):
        return _mismatch("a list of texts", raw)
    members = set()
    for member in raw:
        text = _text(member)
        if isinstance(text, BadValue):
            return text
        if text:
            members.add(text)
    if len(members) > MAX_MEMBERS:
        return BadValue(
            "list_too_long",
            said(
                "%(count)s members; at most %(max_members)s can be stored", count=len(members), max_members=MAX_MEMBERS
            ),
        )
    return tuple(sorted(members))


def _mismatch(wanted: str, raw: object) -> BadValue:
    names = {str: "text", bool: "true or false", list: "a list", tuple: "a list", dict: "an object"}
    return BadValue(
        "attribute_type_mismatch",
        said("expected %(wanted)s, got %(value)s", wanted=wanted, value=names.get(type(raw), "a number")),
    )
