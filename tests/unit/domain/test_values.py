"""Values in their normal form: what is stored, what is missing, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.values import (
    MAX_MEMBERS,
    MAX_TEXT,
    AttributeType,
    BadValue,
    fold,
    infer_type,
    instant_text,
    is_attribute_key,
    matchable,
    normalise,
)

EVERY_TYPE: tuple[AttributeType, ...] = ("text", "number", "boolean", "date", "datetime", "list")


def refused(kind: AttributeType, raw: object) -> str:
    value = normalise(kind, raw)
    assert isinstance(value, BadValue)
    assert value.detail
    return value.code


@pytest.mark.parametrize("kind", EVERY_TYPE)
@pytest.mark.parametrize(
    "raw", [None, "", " \t\u00a0", [], ["", "  "], "\u200b", " \ufeff\u202e \u202c", "\u200d", "\x7f", ["\u2060", ""]]
)
def test_absent_null_blank_and_empty_all_mean_missing(kind: AttributeType, raw: object) -> None:
    assert normalise(kind, raw) is None


def test_text_is_trimmed_and_otherwise_kept() -> None:
    assert normalise("text", "  São  Paulo\n") == "São  Paulo"


@pytest.mark.parametrize(
    "name",
    ["علی\u200cرضا", "क्\u200dष", "👩\u200d🚀 Ann", "❤\ufe0f", "🏴\U000e0067\U000e007f", "Ann\nLee", "葛\U000e0100城"],
)
def test_a_name_keeps_every_letter_and_what_joins_them(name: str) -> None:
    assert normalise("text", name) == name


@pytest.mark.parametrize(
    "written", ["\ufeffAnn Lee", "Ann\u200b Lee", "\u202aAnn Lee\u202c", "A\x7fnn\x01 Lee", "An\u00adn Lee \u200e"]
)
def test_what_no_name_needs_is_removed(written: str) -> None:
    assert normalise("text", written) == "Ann Lee"
    assert normalise("list", [written]) == ("Ann Lee",)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff"])
def test_text_that_postgresql_cannot_store_is_refused(text: str) -> None:
    assert refused("text", text) == "invalid_text"
    assert refused("list", ["fine", text]) == "invalid_text"


def test_text_is_stored_up_to_its_limit() -> None:
    assert normalise("text", "x" * MAX_TEXT) == "x" * MAX_TEXT
    assert refused("text", "x" * (MAX_TEXT + 1)) == "text_too_long"


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (10, 10),
        (Decimal("10.0"), 10),
        (Decimal("1E+2"), 100),
        (Decimal("-0.0"), 0),
        (0.1, Decimal("0.1")),
        (Decimal("0.10"), Decimal("0.1")),
        (Decimal("12345678901234567890.123456789"), Decimal("12345678901234567890.123456789")),
        (10**37, 10**37),
    ],
)
def test_a_number_keeps_every_digit_and_has_one_form(raw: object, stored: object) -> None:
    value = normalise("number", raw)
    assert value == stored
    assert type(value) is type(stored)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (Decimal("NaN"), "invalid_number"),
        (Decimal("Infinity"), "invalid_number"),
        (float("nan"), "invalid_number"),
        (10**38, "number_out_of_range"),
        (Decimal("1E-39"), "number_out_of_range"),
        (Decimal("1E+999999"), "number_out_of_range"),
        (Decimal("1." + "1" * 38), "number_out_of_range"),
        ("10", "attribute_type_mismatch"),
        (True, "attribute_type_mismatch"),
    ],
)
def test_a_number_that_cannot_be_compared_exactly_is_refused(raw: object, code: str) -> None:
    assert refused("number", raw) == code


def test_only_true_and_false_are_booleans() -> None:
    assert normalise("boolean", False) is False
    assert refused("boolean", 1) == refused("boolean", "true") == "attribute_type_mismatch"


def test_a_date_is_a_day_of_the_calendar() -> None:
    assert normalise("date", " 2024-02-29 ") == "2024-02-29"
    assert refused("date", "2023-02-29") == "invalid_date"
    assert refused("date", "29.02.2024") == refused("date", 20240229) == "attribute_type_mismatch"
    assert refused("date", "２０２４-02-29") == "attribute_type_mismatch"


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("2026-05-20T10:00:00Z", "2026-05-20T10:00:00.000000Z"),
        ("2026-05-20t12:00:00.5+02:00", "2026-05-20T10:00:00.500000Z"),
        ("2026-05-20 10:00:00.1234567z", "2026-05-20T10:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_stored_in_utc_with_microseconds(raw: str, stored: str) -> None:
    assert normalise("datetime", raw) == stored


@pytest.mark.parametrize("raw", ["2026-05-20T10:00:00", "2026-05-20", "now", 1_700_000_000])
def test_an_instant_needs_an_offset(raw: object) -> None:
    assert refused("datetime", raw) == "attribute_type_mismatch"


@pytest.mark.parametrize("raw", ["2026-02-30T10:00:00Z", "2026-05-20T25:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_an_instant_outside_the_calendar_is_refused(raw: str) -> None:
    assert refused("datetime", raw) == "invalid_datetime"


def test_stored_instants_sort_as_time_does() -> None:
    years = [1, 999, 1969, 2026, 9999]
    texts = [instant_text(datetime(year, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) for year in years]
    assert texts == sorted(texts)
    assert len({len(text) for text in texts}) == 1


def test_a_list_is_a_set_of_trimmed_members() -> None:
    assert normalise("list", [" b", "a", "b ", ""]) == ("a", "b")
    assert refused("list", ["a", 1]) == "attribute_type_mismatch"
    assert refused("list", "a") == "attribute_type_mismatch"
    assert refused("list", [str(n) for n in range(MAX_MEMBERS + 1)]) == "list_too_long"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (True, "boolean"),
        (1, "number"),
        (Decimal("1.5"), "number"),
        ("2026-05-20", "date"),
        ("2026-05-20T10:00:00Z", "datetime"),
        ("2026-02-30", "text"),
        ("2026-05-20T10:00:00", "text"),
        ("10", "text"),
        ([], "list"),
    ],
)
def test_the_first_value_of_an_attribute_decides_its_type(raw: Any, kind: AttributeType) -> None:
    assert infer_type(raw) == kind


def test_an_object_is_not_a_value() -> None:
    assert isinstance(infer_type({"a": 1}), BadValue)
    for kind in EVERY_TYPE:
        assert refused(kind, {"a": 1}) == "attribute_type_mismatch"


def test_texts_are_compared_whatever_their_case_and_composition() -> None:
    assert fold("STRASSE") == fold("Straße")
    assert fold("e\u0301") == fold("É")
    assert fold("ﬁ") == fold("FI")
    assert matchable(("B", "b", "É")) == ("b", "é")
    assert matchable(Decimal("1.5")) == Decimal("1.5")


@pytest.mark.parametrize("key", ["a", "last_order_2", "a" * 63])
def test_valid_keys_of_attributes(key: str) -> None:
    assert is_attribute_key(key)


@pytest.mark.parametrize("key", ["", "A", "1a", "_a", "a-b", "a.b", "é", "a\n", "a" * 64])
def test_invalid_keys_of_attributes(key: str) -> None:
    assert not is_attribute_key(key)
