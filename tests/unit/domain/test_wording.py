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


def test_a_group_that_is_turned_round_says_what_the_builder_says() -> None:
    plan = {"attribute": "plan", "operator": "is_set"}
    assert WORDS.summary({"not": {"any": [HIGH, plan]}}) == (
        "none of these are true (Score is at least 50, Tariff has a value)"
    )
    assert WORDS.summary([plan, {"not": {"all": [HIGH, plan]}}]) == (
        "Tariff has a value and not all of these are true (Score is at least 50, Tariff has a value)"
    )
    assert WORDS.summary({"not": {"any": [HIGH]}}) == "not (Score is at least 50)"


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
    assert (
        says("birthdate", "anniversary_in_period", "this_month")
        == "Birthdate has its birthday or anniversary this month"
    )
    assert says("birthdate", "month_is", [2, 12]) == "Birthdate is in February or December"


def test_segments_are_called_by_name() -> None:
    assert says("segment", "in", ["a", "b"]) == "Segment is in Gold or Silver"
    assert says("segment", "not_in", ["c"]) == "Segment is not in a deleted segment"


@pytest.mark.parametrize("kind", ATTRIBUTE_TYPES)
def test_every_operator_has_words_of_its_own(kind: Any) -> None:
    said = {(operator.phrase, operator.unit) for operator in OPERATORS[kind].values()}
    assert len(said) == len(OPERATORS[kind])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"operator": "at_least", "value": 3, "window": {"last_days": 30}},
         "Order completed at least 3 times in the last 30 days"),
        ({"operator": "equals", "value": 1, "window": {"last_hours": 2}},
         "Order completed exactly once in the last 2 hours"),
        ({"operator": "less_than", "value": 2, "window": {"in_period": "this_month"}},
         "Order completed less than 2 times this month"),
        ({"operator": "equals", "value": 0}, "No order completed ever"),
        ({"operator": "equals", "value": 0, "where": [{"attribute": "total", "operator": "at_least", "value": 50}],
          "window": {"last_days": 1}}, "No order completed (where Total is at least 50) in the last day"),
        ({"operator": "at_least", "value": 1, "where": {"not": {"any": [
            {"attribute": "plan", "operator": "equals", "value": "2026-05-20"},
            {"all": [{"attribute": "gift", "operator": "equals", "value": True},
                     {"attribute": "paid", "operator": "between",
                      "value": ["2026-05-20T10:00:00Z", "2026-05-21T10:00:00Z"]}]},
        ]}}},
         "Order completed (where none of these are true (Plan equals 2026-05-20, (Gift is True and Paid is between"
         " May 20, 2026, 11:00 and May 21, 2026, 11:00))) at least once"),
        ({"operator": "between", "value": [1, 3]}, "Order completed between 1 and 3 times"),
        ({"operator": "not_equals", "value": 2}, "Order completed not exactly 2 times"),
        ({"operator": "in", "value": [1, 3]}, "Times order completed is one of 1 or 3"),
        ({"operator": "greater_than", "value": 2.5}, "Times order completed is greater than 2.5"),
        ({"aggregate": "sum", "of": "total", "operator": "greater_than", "value": 500, "window": {"last_days": 7}},
         "Total of order completed in the last 7 days is greater than 500"),
        ({"aggregate": "last_at", "operator": "more_than_days_ago", "value": 60},
         "Last order completed is more than 60 days ago"),
        ({"aggregate": "distinct", "of": "shop", "operator": "at_least", "value": 2,
          "window": {"since": "2026-05-20T10:00:00Z"}},
         "Number of different shop of order completed since May 20, 2026, 11:00 is at least 2"),
    ],
)  # fmt: skip
def test_a_condition_on_behaviour_is_said_as_people_say_it(asked: dict[str, Any], said: str) -> None:
    assert WORDS.sentence([{"activity": "order_completed", "aggregate": "count"} | asked]) == said
