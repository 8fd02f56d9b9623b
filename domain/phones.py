"""Phone numbers: stored as E.164, however they were written.

Called where a phone enters: customer changes, CSV rows, filters, searches. National numbers are read with
the account's country. `phonenumbers` decides; `domain.phone_patterns` handles the
plain ones without it (deploy/docs/decisions/0019).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers

from domain.phone_patterns import parse_plain
from domain.texts.language import said
from domain.values import BadValue


def parse_phone(text: str, country: str) -> str | BadValue:
    """A number as `+351912345678`, or why it is not one that can be dialled."""
    if len(text) > 64:
        return BadValue("invalid_phone", said("longer than any phone number"))
    return parse_plain(text, country) or _parse_with_library(text, country)


@dataclass(frozen=True, slots=True)
class PhoneReader:
    """Reads numbers and their beginnings as people of one country write them."""

    country: str

    def number(self, text: str) -> str | BadValue:
        """A number as `parse_phone` reads it."""
        return parse_phone(text, self.country)

    def beginning(self, part: str) -> str:
        """What begins the stored numbers whose first digits are `part`: digits, maybe after a plus.

        Digits after no prefix are a national number, unless they begin with the calling code of the country.
        """
        dialling = _dialling(self.country)
        part = dialling.abroad.sub("+", part)
        if not part.startswith("+"):
            if dialling.trunk and part.startswith(dialling.trunk):
                return f"+{dialling.code}{part.removeprefix(dialling.trunk)}"
            return f"+{part}" if part.startswith(dialling.code) else f"+{dialling.code}{part}"
        # A national prefix that is written after the calling code, as in +44 (0)20, is not dialled.
        if dialling.trunk == "0" and part.startswith(f"+{dialling.code}0"):
            return f"+{dialling.code}{part.removeprefix(f'+{dialling.code}0')}"
        return part


def phone_reader(country: str) -> PhoneReader:
    """Returns the reader for the national numbers of one country."""
    return PhoneReader(country)


class _Dialling(NamedTuple):
    """A country's calling code, and what is dialled before national numbers and before foreign ones."""

    code: str
    trunk: str
    abroad: re.Pattern[str]


@cache
def _dialling(country: str) -> _Dialling:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    trunk = (metadata.national_prefix if metadata else None) or ""
    abroad = (metadata.international_prefix if metadata else None) or "00"
    # 00 is understood everywhere, and begins no national number.
    return _Dialling(str(phonenumbers.country_code_for_region(country)), trunk, re.compile(rf"\A(?:{abroad}|00)"))


@lru_cache(maxsize=65_536)
def _parse_with_library(text: str, country: str) -> str | BadValue:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return BadValue(
            "invalid_phone", said("not a phone number; write +country code or a number of %(country)s", country=country)
        )
    if not phonenumbers.is_valid_number(number):
        return BadValue(
            "invalid_phone",
            said("no such phone number; write +country code or a number of %(country)s", country=country),
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_country(code: str) -> bool:
    """Returns whether national numbers of this two-letter country code can be read."""
    return code in phonenumbers.SUPPORTED_REGIONS
