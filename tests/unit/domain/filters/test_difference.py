"""What is different between two filters, in words."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.filters.difference import differences
from domain.filters.wording import Words

WORDS = Words({"plan": "Plan"}, {"plan": "text", "score": "number"}, ZoneInfo("Europe/Lisbon"), {})


def plan(value: str) -> dict[str, Any]:
    return {"attribute": "plan", "operator": "equals", "value": value}


def score(value: int) -> dict[str, Any]:
    return {"attribute": "score", "operator": "at_least", "value": value}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([plan("gold")], [plan("gold")], []),
        ([plan("gold")], {"all": [plan("gold")]}, []),
        ([], [plan("gold")], [(None, "Plan equals gold")]),
        ([plan("gold"), score(3)], [score(3)], [("Plan equals gold", None)]),
        ([plan("gold")], [plan("silver")], [("Plan equals gold", "Plan equals silver")]),
        (
            [plan("gold"), score(3)],
            {"any": [plan("gold"), score(3)]},
            [("all of these are true", "any of these is true")],
        ),
        (plan("gold"), {"not": plan("gold")}, [("all of these are true", "none of these is true")]),
        (
            [plan("gold"), {"any": [score(3), plan("x")]}],
            [plan("gold"), {"any": [score(5), plan("x")]}],
            [("Score is at least 3", "Score is at least 5")],
        ),
        (
            [plan("a"), plan("b")],
            [plan("b"), plan("c"), score(1)],
            [("Plan equals a", "Plan equals c"), (None, "Score is at least 1")],
        ),
        ([{"any": [plan("a"), score(1)]}], [], [("Plan equals a or Score is at least 1", None)]),
    ],
)
def test_each_condition_is_added_removed_or_changed(before: Any, after: Any, expected: list[Any]) -> None:
    assert differences(before, after, WORDS) == expected
