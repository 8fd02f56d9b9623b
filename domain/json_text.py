"""JSON with exact numbers, for everything that is received, sent or stored.

Fractions become `Decimal`, never binary floats. msgspec reads, and the standard library what msgspec refuses, to read
it after all or to say what is wrong; orjson writes (`Decimal` as its digits). Called by the consumers, the API, the
event mapper and the read model.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from uuid import UUID

import msgspec
import orjson

from domain.errors import Invalid

MAX_DEPTH = 32
_MAX_NUMBER = 400
_OURS = msgspec.json.Decoder(float_hook=Decimal)
_STANDARD = json.JSONDecoder(parse_float=Decimal)
_DIGIT = re.compile(rb"[0-9]")
_LONG_INTEGER = re.compile(rb"[0-9]{%d}" % _MAX_NUMBER)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")


def dumps(value: Any) -> bytes:
    """JSON text of dicts, lists, tuples, text, numbers, UUIDs and datetimes; Decimals keep every digit."""
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_UTC_Z)
    except TypeError:
        return orjson.dumps(_spelled_out(value), default=_default, option=orjson.OPT_UTC_Z)


def loads(text: bytes | str) -> Any:
    """The value of JSON text that we wrote ourselves, fractions as `Decimal`."""
    try:
        return _OURS.decode(text)
    except msgspec.DecodeError:  # it refuses what the log of an earlier release may hold, a lone surrogate for one
        return _STANDARD.decode(text if isinstance(text, str) else text.decode())


def parse(text: bytes, *, lenient: bool = False) -> Any:
    """The value of JSON text from outside.

    Raises `Invalid` (`malformed_json`) for bad UTF-8 or syntax, NaN, numbers of over 400 characters or with an exponent
    that no decimal can have, lone surrogates, and nesting deeper than 32. With `lenient` a lone surrogate, such as half
    of an emoji that was cut, becomes U+FFFD, and NaN and infinities are floats, which no attribute takes: for senders
    that throw the whole text away when it is refused.
    """
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH and not _holds_long_integer(text):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, _BadNumber):
            return _FAST.decode(text)
    return _parse_slowly(text, lenient)


def _holds_long_integer(text: bytes) -> bool:
    """Whether msgspec might read an integer that is too long; fractions it hands to `_fraction`, which counts."""
    # So many digits in a row have one at each of these places, which most texts are too short to have.
    return bool(_DIGIT.search(text[_MAX_NUMBER - 1 :: _MAX_NUMBER]) and _LONG_INTEGER.search(text))


def _parse_slowly(text: bytes, lenient: bool = False) -> Any:
    try:
        decoded = text.removeprefix(BOM_UTF8).decode()
        _refuse_depth(decoded)
        value = (_LENIENT if lenient else _THEIRS).decode(decoded)
    except UnicodeDecodeError as bad:
        raise Invalid("malformed_json", f"not UTF-8 at byte {bad.start}") from None
    except json.JSONDecodeError as bad:
        raise Invalid("malformed_json", f"{bad.msg} at line {bad.lineno}, column {bad.colno}") from None
    except _BadNumber as bad:
        raise Invalid("malformed_json", str(bad)) from None
    if _SURROGATE.search(decoded):
        if lenient:
            return _without_surrogates(value)
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise Invalid("malformed_json", "a text holds a lone surrogate (\\ud800 to \\udfff); remove it") from None
    return value


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return _LONE.sub("\ufffd", value)
        case dict():
            return {_LONE.sub("\ufffd", key): _without_surrogates(each) for key, each in value.items()}
        case list():
            return [_without_surrogates(each) for each in value]
    return value


class _BadNumber(Exception):
    pass


def _refuse_depth(text: str) -> None:
    """Count brackets before parsing: the parser is recursive, and so is everything that walks its result.

    Brackets inside texts count too when there are many; then the exact scan decides.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    inside = escaped = False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid("malformed_json", f"nested deeper than {MAX_DEPTH} levels")
        elif char in "]}":
            depth -= 1


def _fraction(digits: str) -> Decimal:
    if len(digits) > _MAX_NUMBER:
        raise _BadNumber(f"a number of {len(digits)} characters; at most {_MAX_NUMBER}")
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise _BadNumber("a number whose exponent is too large") from None


def _integer(digits: str) -> int:
    if len(digits) > _MAX_NUMBER:
        raise _BadNumber(f"a number of {len(digits)} characters; at most {_MAX_NUMBER}")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise _BadNumber(f"{name} is not JSON")


def _spelled_out(value: Any) -> Any:
    """The same value with integers beyond 64 bits as their digits, which orjson refuses without calling `default`."""
    match value:
        case bool():
            return value
        case int() if not -(2**63) <= value < 2**64:
            return orjson.Fragment(str(value))
        case dict():
            return {key: _spelled_out(each) for key, each in value.items()}
        case list() | tuple():
            return [_spelled_out(each) for each in value]
    return value


# Made once: a decoder for each text would cost more than most texts.
_FAST = msgspec.json.Decoder(float_hook=_fraction)
_THEIRS = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_constant)
_LENIENT = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=float)


def _default(value: Any) -> Any:
    match value:
        case Decimal():
            return orjson.Fragment(format(value, "f"))
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
