"""Phone numbers: stored as E.164, however they were written.

Called where a phone enters: customer changes, CSV rows, filters, searches. National numbers are read with
the account's country. `phonenumbers` decides; `domain.phone_patterns` handles the
plain ones without it (deploy/docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import phonenumbers

from domain.phone_patterns import parse_plain
from domain.values import BadValue


def parse_phone(text: str, country: str) -> str | BadValue:
    """A number as `+351912345678`, or why it is not one that can be dialled."""
    if len(text) > 64:
        return BadValue("invalid_phone", "longer than any phone number")
    return parse_plain(text, country) or _parse_with_library(text, country)


def phone_reader(country: str) -> Callable[[str], str | BadValue]:
    """Returns `parse_phone` for the national numbers of one country."""
    return partial(parse_phone, country=country)


@lru_cache(maxsize=65_536)
def _parse_with_library(text: str, country: str) -> str | BadValue:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return BadValue("invalid_phone", f"not a phone number; write +country code or a number of {country}")
    if not phonenumbers.is_valid_number(number):
        return BadValue("invalid_phone", f"no such phone number; write +country code or a number of {country}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_country(code: str) -> bool:
    """Returns whether national numbers of this two-letter country code can be read."""
    return code in phonenumbers.SUPPORTED_REGIONS
