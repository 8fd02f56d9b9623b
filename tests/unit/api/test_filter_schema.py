"""The schema of filters in the OpenAPI document accepts what `parse` accepts, and refuses what it refuses."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from api.http.shapes.filters import conditions, filter_schemas
from domain import json_text
from domain.errors import Invalid
from domain.filters.operands import Takes
from domain.filters.operators import OPERATORS
from domain.filters.parsing import parse
from tests.support.operator_cases import cases

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
ID = "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77"
VALUES: tuple[Any, ...] = (
    *(None, "", "x", "today", "next_year", "2026-05-20", "2026-02-30", "2026-05-20T10:00:00Z", {}, True),
    *(0, 1, -1, 1.5, 2.0, 365, 366, 1_000_000, 1_000_001),
    *([], ["a"], ["a", "b"], ["a", ""], ["a", 1], [1], [1, 2], [1, 2, 3], [0], [13], [True], [None]),
    *(["2026-05-20"], ["2026-05-20", "2026-05-21"], ["2026-05-20T10:00:00Z", "2026-05-20T11:00:00Z"]),
)
FORMATS = FormatChecker(formats=("date",))


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(text: object) -> bool:
    return not isinstance(text, str) or ("T" in text and datetime.fromisoformat(text).tzinfo is not None)


@cache
def schema(name: str = "Filter") -> Draft202012Validator:
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": filter_schemas()}}
    return Draft202012Validator(whole, format_checker=FORMATS)


def parses(condition: dict[str, Any]) -> bool:
    """Whether an attribute of some type may have the condition."""
    for kind in OPERATORS:
        try:
            parse(json_text.loads(json.dumps([condition])), {condition["attribute"]: kind})
        except Invalid:
            continue
        return True
    return False


@pytest.mark.parametrize("operator", sorted({name for rows in OPERATORS.values() for name in rows} | {"like"}))
def test_an_operator_takes_in_the_schema_what_it_takes_in_the_parser(operator: str) -> None:
    with_values = [{"attribute": "a", "operator": operator, "value": value} for value in VALUES]
    for condition in [{"attribute": "a", "operator": operator}, *with_values]:
        assert schema("Condition").is_valid(condition) == parses(condition), condition


def test_every_case_of_the_operators_is_a_filter() -> None:
    for case in cases():
        condition = {
            "attribute": "a",
            "operator": case.operator,
            "value": json.loads(json.dumps(case.operand, default=float)),
        }
        assert schema("Condition").is_valid(condition), case


@pytest.mark.parametrize(
    "accepted",
    [
        [],
        {"all": []},
        GOLD,
        [GOLD],
        {"any": [GOLD, {"not": {"all": [GOLD, [GOLD]]}}]},
        {"not": [GOLD]},
        [{"attribute": "segment", "operator": "in", "value": [ID]}],
    ],
)
def test_groups_are_nested_as_they_may_be(accepted: Any) -> None:
    assert schema().is_valid(accepted)


@pytest.mark.parametrize(
    "refused",
    [
        None,
        "plan = gold",
        {},
        {"and": [GOLD]},
        {"all": [GOLD], "any": [GOLD]},
        {"all": GOLD},
        {"not": "x"},
        [{"attribute": "plan"}],
        [GOLD | {"and": 1}],
        [GOLD] * 101,
        [GOLD | {"operator": "in", "value": ["a"] * 1_001}],
        [{"attribute": "Plan", "operator": "is_set"}],
        [{"attribute": "segment", "operator": "in", "value": []}],
    ],
)
def test_what_is_no_filter_is_refused(refused: Any) -> None:
    assert not schema().is_valid(refused)


def test_every_operator_and_every_kind_of_operand_has_a_schema() -> None:
    """By name, so that two kinds never share one, and one that is added has to be thought of."""
    listed = {name for drawn in conditions().values() for name in drawn["properties"]["operator"]["enum"]}
    assert listed == {name for rows in OPERATORS.values() for name in rows}
    assert {row.takes for rows in OPERATORS.values() for row in rows.values()} == set(get_args(Takes))
