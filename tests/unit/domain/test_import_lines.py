"""A phone cell of a CSV: read however it was written, refused where a guess would reach somebody else."""

from __future__ import annotations

import pytest

from domain.import_lines import parse_phone_cell
from domain.values import BadValue


@pytest.mark.parametrize(
    "written",
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
def test_a_number_is_read_with_what_people_write_around_it(written: str) -> None:
    assert parse_phone_cell(written, "PT") == "+351912345678"


@pytest.mark.parametrize(
    "written",
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
def test_letters_are_not_dialled_and_a_second_number_is_not_dropped(written: str) -> None:
    found = parse_phone_cell(written, "PT")
    assert isinstance(found, BadValue)
    assert found.code == "invalid_phone"
