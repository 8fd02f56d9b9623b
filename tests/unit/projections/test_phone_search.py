"""A phone number in the search box is found however its digits and separators are written."""

from __future__ import annotations

import pytest

from projections.read.search import phones_query


@pytest.mark.parametrize(
    "typed",
    [
        "07400 600010",
        "07400\u00a0600\u2011010",
        "\u200e07400 600010\u202c",
        "٠٧٤٠٠ ٦٠٠٠١٠",
        "０７４００－６０００１０",
    ],
)
def test_a_number_is_looked_for_in_plain_digits(typed: str) -> None:
    assert phones_query(typed, "GB") == "'07400600010':* | '447400600010':*"


@pytest.mark.parametrize("typed", ["Ann 07400", "12", "\u200e", ""])
def test_what_is_no_number_is_not_looked_for_as_one(typed: str) -> None:
    assert phones_query(typed, "GB") == ""
