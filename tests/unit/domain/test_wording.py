"""Filters in words: the summary in the list of segments, and each operator."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.customer import BUILT_IN
from domain.filters.operators import OPERATORS
from domain.filters.wording import Words
from domain.values import ATTRIBUTE_TYPES

WORDS = Words(
    {"plan": "Tariff", "country": None},
    dict(BUILT_IN)
    | {
        "plan": "text",
        "country": "text",
        "score": "number",
        "premium_customer": "boolean",
        "birthdate": "date",
        "seen": "datetime",
    },
    ZoneInfo("Europe/Lisbon"),
    {"a": "Gold", "b": "Silver"},
)
HIGH = {"attribute": "score", "operator": "at_least", "value": 50}


def says(attribute: str, operator: str, value: Any = None) -> str:
    return WORDS.summary([{"attribute": attribute, "operator": operator, "value": value}])


def test_the_summary_reads_as_a_sentence() -> None:
    many = {"attribute": "country", "operator": "in", "value": ["PT", "ES", "FR", "DE"]}
    raw = {
        "all": [
            {"attribute": "premium_customer", "operator": "equals", "value": True},
            {"any": [many, {"attribute": "plan", "operator": "is_set"}]},
            {"not": HIGH},
        ]
    }
    assert WORDS.summary(raw) == (
        "Premium customer is True and (Country is one of PT, ES, FR or 1 more or Tariff has a value)"
        " and not (Score is at least 50)"
    )


@pytest.mark.parametrize("raw", [None, [], {"all": []}, {"any": []}])
def test_a_segment_without_conditions_has_no_filters(raw: Any) -> None:
    assert WORDS.summary(raw) == "No filters"


def test_the_examples_of_the_product_page_read_as_it_says() -> None:
    assert says("birthdate", "equals", "2026-05-20") == "Birthdate equals May 20, 2026"
    assert says("premium_customer", "equals", True) == "Premium customer is True"


def test_instants_are_shown_in_the_account_s_zone() -> None:
    assert says("seen", "before", "2026-05-20T23:30:00Z") == "Seen is before May 21, 2026, 00:30"
    assert says("seen", "in_last_hours", 1) == "Seen is in the last 1 hour"
    assert says("birthdate", "more_than_days_ago", 10_000) == "Birthdate is more than 10,000 days ago"
    assert says("birthdate", "anniversary_in_period", "this_month") == "Birthdate has its anniversary this month"
    assert says("birthdate", "month_is", [2, 12]) == "Birthdate is in February or December"


def test_segments_are_called_by_name() -> None:
    assert says("segment", "in", ["a", "b"]) == "Segment is in Gold or Silver"
    assert says("segment", "not_in", ["c"]) == "Segment is not in a deleted segment"


@pytest.mark.parametrize("kind", ATTRIBUTE_TYPES)
def test_every_operator_has_words_of_its_own(kind: Any) -> None:
    said = {(operator.phrase, operator.unit) for operator in OPERATORS[kind].values()}
    assert len(said) == len(OPERATORS[kind])
