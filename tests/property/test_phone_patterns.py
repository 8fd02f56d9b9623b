"""Plainly text phone numbers are parsed as the library parses them, in every country, with any prefix."""

from __future__ import annotations

import re

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.phone_patterns import parse_plain
from domain.phones import parse_phone
from domain.values import BadValue
from tests.support.full_size import examples

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
SAMPLES = [
    (country, str(number.country_code), phonenumbers.national_significant_number(number))
    for country in COUNTRIES
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(country, kind)) is not None
]
PREFIXES = ("", "", "+", "00", "011", "0", "1", "8", "06", "001", "0011", "+0", "(")
PUNCTUATION = (" ", "-", ".", "(", ")", "  ", "/", "\u00a0", "x")


def by_the_library(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A number of some country, spoilt a little, and the country it is read in."""
    country, code, digits = draw(st.sampled_from(SAMPLES))
    changed = list(digits)
    for place in draw(st.lists(st.integers(0, len(changed) - 1), max_size=4)):
        changed[place] = draw(st.sampled_from("0123456789"))
    prefix = draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(["", code, code + "0"]))
    text = prefix + "".join(changed) + draw(st.sampled_from(["", "", "", "5", "00"]))
    for place in draw(st.lists(st.integers(0, len(text)), max_size=3)):
        text = text[:place] + draw(st.sampled_from(PUNCTUATION)) + text[place:]
    return text, draw(st.sampled_from([country, country, *COUNTRIES]))


@settings(max_examples=examples(2_000))
@given(numbers())
def test_a_plainly_parsed_number_is_what_the_library_parses(number: tuple[str, str]) -> None:
    plainly = parse_plain(*number)
    assert plainly is None or plainly == by_the_library(*number)


@given(st.text(st.sampled_from("+0123456789 ()-.x#;,~/٣１\n"), max_size=24), st.sampled_from(COUNTRIES))
def test_any_text_gives_the_library_s_answer(text: str, country: str) -> None:
    answered = parse_phone(text, country)
    assert (None if isinstance(answered, BadValue) else answered) == by_the_library(text, country)


def test_national_numbers_need_no_library_unless_they_begin_with_a_zero() -> None:
    left = [
        (country, digits)
        for country, code, digits in SAMPLES
        if parse_plain(f"+{code}{digits}", country) != f"+{code}{digits}" and not digits.startswith("0")
    ]
    assert len(left) < len(SAMPLES) / 50, left


def test_usual_spellings_are_parsed_without_the_library() -> None:
    for text, country, number in (
        ("912345678", "PT", "+351912345678"),
        ("912 345 678", "PT", "+351912345678"),
        ("00351912345678", "PT", "+351912345678"),
        ("351912345678", "PT", "+351912345678"),
        ("(+351) 912-345-678", "PT", "+351912345678"),
        ("(212) 555-1234", "US", "+12125551234"),
        ("1-212-555-1234", "US", "+12125551234"),
        ("2125551234", "CA", "+12125551234"),
        ("07400 123456", "GB", "+447400123456"),
        ("0171 2345678", "DE", "+491712345678"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("+7 912 345-67-89", "RU", "+79123456789"),
    ):
        assert parse_plain(text, country) == number == by_the_library(text, country)
        assert re.fullmatch(r"\+[1-9][0-9]+", number)
