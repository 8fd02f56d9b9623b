"""Valid phone numbers in their plain spellings, parsed twenty times faster than the library does.

Called by `domain.phones` before the library. From the library's own metadata one pattern is compiled for each
region; `parse_plain` answers only where the library would take the same steps to the same number, and `None` in every
other case: it never says that a number is wrong (tests/property/test_phone_patterns.py compares the two).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

_PLAIN = re.compile(r"[(.\- ]*(\+?)([0-9](?:[().\- ]*[0-9]){4,19})[).\- ]*")
_PUNCTUATION = str.maketrans("", "", "().- ")
_NEVER = re.compile(r"(?!)")
# The most frequent types first.
_TYPES = (
    "mobile",
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


class _Region(NamedTuple):
    """How a region writes numbers. `valid` matches whole numbers of any type, `general` whatever could be a number."""

    code: str
    abroad: re.Pattern[str]
    prefix: re.Pattern[str]
    transforms: bool
    leading: re.Pattern[str] | None
    general: re.Pattern[str]
    valid: re.Pattern[str]


def parse_plain(text: str, country: str) -> str | None:
    """The number as `+351912345678` where it is valid and plainly written; `None` where the library has to parse it."""
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return None
    plus, digits = plain.groups()
    if not digits.isdigit():
        digits = digits.translate(_PUNCTUATION)
    if plus:
        return _international(digits)
    home = _region(country)
    if home is None:
        return None
    if abroad := home.abroad.match(digits):
        rest = digits[abroad.end() :]
        return _international(rest) if rest[:1] != "0" else None
    if digits.startswith(home.code):
        return _maybe_with_code(home, digits)
    return _national(home, digits)


def _international(digits: str) -> str | None:
    """A number after a plus: the country calling code, at most three digits, and the rest."""
    for length in (1, 2, 3):
        main = _main_region(digits[:length])
        if main is not None:
            return _national(main, digits[length:])
    return None


def _maybe_with_code(home: _Region, digits: str) -> str | None:
    """Digits that begin with the country calling code: a national number, or else an international one."""
    if home.general.fullmatch(digits):
        return _valid(home.code, digits) if home.valid.fullmatch(digits) and not home.prefix.match(digits) else None
    rest = digits[len(home.code) :]
    main = _main_region(home.code)
    if main is None or home.prefix.match(rest) or main.prefix.match(rest) or not home.general.fullmatch(rest):
        return None
    return _valid(home.code, rest)


def _national(region: _Region, digits: str) -> str | None:
    """A number without its country calling code, maybe with the prefix that is dialled within the country."""
    if prefix := region.prefix.match(digits):
        digits = digits[prefix.end() :]
        # The prefix of some countries is replaced by other digits, and the rest must be a number of this very region.
        if region.transforms or not region.valid.fullmatch(digits):
            return None
    return _valid(region.code, digits)


def _valid(code: str, digits: str) -> str | None:
    """The number, where the region that it belongs to has it; a leading zero means something else in each region."""
    if digits[:1] == "0":
        return None
    for region in _regions(code):
        if region.leading is None:
            if region.valid.fullmatch(digits):
                return f"+{code}{digits}"
        elif region.leading.match(digits):
            return f"+{code}{digits}" if region.valid.fullmatch(digits) else None
    return None


@cache
def _main_region(code: str) -> _Region | None:
    """The region whose rules come first for a country calling code; `None` where no country has this code."""
    regions = _regions(code)
    return regions[0] if regions else None


@cache
def _regions(code: str) -> tuple[_Region, ...]:
    """The regions of a country calling code, in the library's order."""
    if not code.isdigit() or code[0] == "0":
        return ()
    regions = [_region(country) for country in COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())]
    return tuple(region for region in regions if region is not None)


@cache
def _region(country: str) -> _Region | None:
    data: Any = PhoneMetadata.metadata_for_region(country, None)
    if data is None or country == "001":
        return None
    types = [getattr(data, name) for name in _TYPES if name != "mobile" or not data.same_mobile_and_fixed_line_pattern]
    numbers = "|".join(filter(None, map(_pattern, types)))
    general = _pattern(data.general_desc)
    return _Region(
        str(data.country_code),
        re.compile(data.international_prefix) if data.international_prefix else _NEVER,
        re.compile(data.national_prefix_for_parsing) if data.national_prefix_for_parsing else _NEVER,
        bool(data.national_prefix_transform_rule),
        re.compile(data.leading_digits) if data.leading_digits else None,
        re.compile(data.general_desc.national_number_pattern),
        re.compile(f"(?={general})(?:{numbers})") if general and numbers else _NEVER,
    )


def _pattern(kind: Any) -> str:
    """Whole numbers of one type: their lengths, then their digits. Empty where there are none."""
    if kind is None or not kind.national_number_pattern:
        return ""
    lengths = "|".join(rf"\d{{{length}}}" for length in kind.possible_length if length > 0)
    if kind.possible_length and not lengths:
        return ""
    return (rf"(?=(?:{lengths})\Z)" if lengths else "") + rf"(?:{kind.national_number_pattern})\Z"
