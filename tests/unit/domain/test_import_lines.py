"""Cells of a CSV: a phone number in any notation, refused where a guess could reach another person; and names."""

from __future__ import annotations

import pytest

from domain.import_lines import parse_name_cell, parse_phone_cell
from domain.values import BadValue, normalise


@pytest.mark.parametrize(
    "cell", ["علی\u200cرضا", "क्\u200dष", "👩\u200d🚀", "\ufeffAnn\u200b \u202eLee", "\u200d", " \u200b"]
)
def test_a_name_in_a_cell_is_read_as_everywhere_else(cell: str) -> None:
    assert parse_name_cell(cell) == normalise("text", cell)


@pytest.mark.parametrize(
    "cell",
    [
        "912345678",
        "+351 912 345 678",
        "912345678 ext 5",
        "912345678x12",
        "+351912345678;ext=5",
        "912345678;",
        "tel:+351912345678",
        "Tel. 912 345 678",
        '="912345678"',
        "'+351912345678",
    ],
)
def test_a_number_is_parsed_with_the_usual_text_around_it(cell: str) -> None:
    assert parse_phone_cell(cell, "PT") == "+351912345678"


@pytest.mark.parametrize(
    "cell",
    [
        "+351 91X XXX XXX",
        "91234 ABCD",
        "9123456O78",
        "912345678a",
        "912345678,961234567",
        "912345678;961234567",
        "912345678 ; +351 961 234 567",
        "+351912345678,+351961234567",
    ],
)
def test_a_number_with_letters_or_a_second_number_is_refused(cell: str) -> None:
    parsed = parse_phone_cell(cell, "PT")
    assert isinstance(parsed, BadValue)
    assert parsed.code == "invalid_phone"
