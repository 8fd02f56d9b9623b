"""Operands: the kinds of value that a condition compares with, each checked and brought into normal form.

Called while a filter is parsed (`domain.filters.parsing`); the table of operators says which kind each one takes.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any, Literal, Protocol

from domain.calendar import PERIODS, RETURN_PERIODS
from domain.texts.language import said
from domain.values import AttributeType, BadValue, matchable, normalise, trim

Takes = Literal[
    "nothing",
    "one",
    "several",
    "pair",
    "fragment",
    "texts",
    "day",
    "count",
    "positive_count",
    "year_days",
    "period",
    "return_period",
    "months",
]
MAX_VALUES = 1_000
MAX_COUNT = 1_000_000


class ReadPhone(Protocol):
    """Reads phone numbers as an account's people write them (`domain.phones.PhoneReader`)."""

    def number(self, text: str) -> str | BadValue:
        """A number as customers have it, or why it is none."""

    def beginning(self, part: str) -> str:
        """What begins the numbers that these digits begin as they are dialled."""


class AsStored:
    """Reads numbers that are in the form that customers have already."""

    def number(self, text: str) -> str | BadValue:
        """The number."""
        return text

    def beginning(self, part: str) -> str:
        """The beginning."""
        return part


_PHONE_PART = re.compile(r"\+?[0-9]+")


def parse_operand(takes: Takes, kind: AttributeType, raw: Any) -> Any | BadValue:
    """The value of a condition on an attribute of type `kind`, in normal form, or what is wrong with it."""
    match takes:
        case "nothing":
            return None if raw is None else BadValue("invalid_value", said("the operator takes no value; leave it out"))
        case "one":
            return _one(kind, raw)
        case "several":
            return _several(kind, raw)
        case "pair":
            return _pair(kind, raw)
        case "fragment":
            return _one("text", raw)
        case "texts":
            return _several("text", raw)
        case "day":
            return _one("date", raw)
        case "count" | "positive_count" | "year_days":
            least, most = (
                1 if takes == "positive_count" else 0,
                365 if takes == "year_days" else MAX_COUNT,
            )
            return _count(raw, least, most)
        case "period" | "return_period":
            names = PERIODS if takes == "period" else RETURN_PERIODS
            return (
                raw
                if raw in names
                else BadValue("invalid_value", said("needs one of %(known)s", known=", ".join(names)))
            )
        case "months":
            return _months(raw)


def parse_phone_operand(takes: Takes, raw: Any, phones: ReadPhone, *, begins: bool) -> Any | BadValue:
    """As `parse_operand`, for phone numbers: whole ones as customers have them, parts of one without separators.

    `begins` says that the part is the beginning of a number, so that its prefix tells the country.
    """
    match takes:
        case "one":
            return _phone(raw, phones)
        case "several" if isinstance(raw, list) and 1 <= len(raw) <= MAX_VALUES:
            values = [_phone(each, phones) for each in raw]
            return next((value for value in values if isinstance(value, BadValue)), tuple(dict.fromkeys(values)))
        case "fragment" if isinstance(raw, str):
            return _phone_part(raw, phones, begins=begins)
    return parse_operand(takes, "text", raw)


def _phone(raw: Any, phones: ReadPhone) -> str | BadValue:
    if not isinstance(raw, str):
        return BadValue("invalid_value", said("needs a phone number as text"))
    number = phones.number(trim(raw))
    return BadValue("invalid_value", number.detail) if isinstance(number, BadValue) else number


def _phone_part(text: str, phones: ReadPhone, *, begins: bool) -> str | tuple[str, ...] | BadValue:
    """A part of a number as customers have it: what people put between digits is left out.

    Several parts, of which one suffices, for a whole number as it is dialled: its prefix is in no number that is
    stored, but the same digits may be.
    """
    part = "".join(
        str(unicodedata.digit(char, char))
        for char in unicodedata.normalize("NFKC", text)
        if char == "+" or char.isalnum()
    )
    bad = BadValue("invalid_value", said("needs digits of a phone number, without letters; write some of its digits"))
    if not _PHONE_PART.fullmatch(part):
        return bad
    number = phones.number(part)
    if begins:
        beginning = phones.beginning(part) if isinstance(number, BadValue) else number
        return beginning if _PHONE_PART.fullmatch(beginning) else bad
    return part if isinstance(number, BadValue) or part in number else (part, number)


def _count(raw: Any, least: int, most: int) -> int | BadValue:
    if isinstance(raw, Decimal) and raw.is_finite() and raw == raw.to_integral_value():
        raw = int(raw) if raw.adjusted() < len(str(MAX_COUNT)) else None
    if type(raw) is not int or not least <= raw <= most:
        return BadValue(
            "invalid_value", said("needs a whole number from %(least)s to %(most)s", least=least, most=most)
        )
    return int(raw)


def _months(raw: Any) -> tuple[str, ...] | BadValue:
    if not isinstance(raw, list) or not 1 <= len(raw) <= 12:
        return BadValue("invalid_value", said("needs an array of 1 to 12 months, 1 for January"))
    months = [_count(each, 1, 12) for each in raw]
    bad = next((each for each in months if isinstance(each, BadValue)), None)
    return bad or tuple(sorted({f"{each:02}" for each in months}))


def _one(kind: AttributeType, raw: Any) -> Any | BadValue:
    value = normalise(kind, raw)
    if value is None:
        return BadValue("invalid_value", said("needs a %(kind)s value that is not empty", kind=kind))
    if isinstance(value, BadValue):
        return BadValue("invalid_value", value.detail)
    return matchable(value) if kind in ("text", "list") else value


def _several(kind: AttributeType, raw: Any) -> Any | BadValue:
    if not isinstance(raw, list):
        return BadValue("invalid_value", said("needs an array of 1 to %(max_values)s values", max_values=MAX_VALUES))
    if not 1 <= len(raw) <= MAX_VALUES:
        return BadValue(
            "invalid_value", said("%(count)s values; needs 1 to %(max_values)s", count=len(raw), max_values=MAX_VALUES)
        )
    values = [_one(kind, each) for each in raw]
    return next((value for value in values if isinstance(value, BadValue)), tuple(dict.fromkeys(values)))


def _pair(kind: AttributeType, raw: Any) -> Any | BadValue:
    if not isinstance(raw, list) or len(raw) != 2:
        return BadValue("invalid_value", said("needs an array of two values, the lower one first"))
    low, high = _one(kind, raw[0]), _one(kind, raw[1])
    for value in (low, high):
        if isinstance(value, BadValue):
            return value
    if low > high:
        return BadValue("invalid_value", said("the first value is greater than the second; swap them"))
    return low, high
