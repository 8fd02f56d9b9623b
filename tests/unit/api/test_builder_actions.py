"""What the filter builder's buttons do to a filter: move, copy, negate, and put a known value in."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.console.filters.actions import apply_action, can_move
from api.console.filters.conversion import form_from_filter, to_filter_json
from api.console.filters.form import FilterGroup
from api.console.filters.pasted import parse_pasted
from api.console.filters.vocabulary import filter_vocabulary
from domain.values import AttributeType
from projections.read.accounts import AttributeRow

ZONE = ZoneInfo("Europe/Lisbon")
TYPES: dict[str, AttributeType] = {"plan": "text", "score": "number", "born": "date"}
WORDS = filter_vocabulary([AttributeRow(key, kind, None) for key, kind in TYPES.items()], {})
GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
NOT_GOLD = {"attribute": "plan", "operator": "not_equals", "value": "gold"}
HIGH = {"attribute": "score", "operator": "at_least", "value": 5}
BORN = {"attribute": "born", "operator": "in_period", "value": "this_month"}


def form_of(raw: Any) -> FilterGroup:
    return form_from_filter(raw, WORDS, ZONE)


def after(raw: Any, *actions: str) -> Any:
    """The filter after some buttons were pressed."""
    root = form_of(raw)
    for action in actions:
        assert apply_action(root, action, WORDS) is not None, action
    paths = [node.path for _, node in root.descendants()]
    assert len(set(paths)) == len(paths)
    return to_filter_json(root, ZONE).json


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("move:filter-1:up", [HIGH, GOLD, {"any": [BORN, HIGH]}]),
        ("move:filter-1:down", [GOLD, {"any": [BORN, HIGH]}, HIGH]),
        ("move:filter-2:up", [GOLD, {"any": [BORN, HIGH]}, HIGH]),
        ("move:filter-1:in-below", [GOLD, {"any": [HIGH, BORN, HIGH]}]),
        ("move:filter-2-0:out", [GOLD, HIGH, {"any": [HIGH]}, BORN]),
        ("move:filter-0:wrap", [{"any": [GOLD]}, HIGH, {"any": [BORN, HIGH]}]),
        ("copy:filter-0", [GOLD, GOLD, HIGH, {"any": [BORN, HIGH]}]),
        ("copy:filter-2", [GOLD, HIGH, {"any": [BORN, HIGH]}, {"any": [BORN, HIGH]}]),
        ("remove:filter-2", [GOLD, HIGH]),
        ("negate:filter-0", [NOT_GOLD, HIGH, {"any": [BORN, HIGH]}]),
        ("negate:filter-1", [GOLD, {"not": HIGH}, {"any": [BORN, HIGH]}]),
        ("negate:filter-2", [GOLD, HIGH, {"not": {"any": [BORN, HIGH]}}]),
        ("negate:filter", {"not": {"all": [GOLD, HIGH, {"any": [BORN, HIGH]}]}}),
        ("use:filter-0:silver", [GOLD | {"value": "silver"}, HIGH, {"any": [BORN, HIGH]}]),
        ("yearly:filter-2-0", [GOLD, HIGH, {"any": [BORN | {"operator": "anniversary_in_period"}, HIGH]}]),
    ],
)
def test_a_button_changes_the_filter_as_it_says(action: str, expected: Any) -> None:
    assert after([GOLD, HIGH, {"any": [BORN, HIGH]}], action) == expected


@pytest.mark.parametrize("raw", [[GOLD, HIGH], [HIGH], {"any": [GOLD, HIGH]}, {"not": {"any": [GOLD, HIGH]}}])
def test_what_is_negated_twice_is_as_it_was(raw: Any) -> None:
    path = "filter" if isinstance(raw, dict) or len(raw) == 1 else "filter-0"
    assert after(raw, f"negate:{path}", f"negate:{path}") == raw


def test_a_group_that_its_last_condition_leaves_is_gone() -> None:
    assert after([GOLD, {"any": [HIGH]}], "move:filter-1-0:out") == [GOLD, HIGH]


def test_only_moves_that_lead_somewhere_are_offered() -> None:
    root = form_of([GOLD, {"any": [HIGH]}])
    first, group = root.nodes
    assert isinstance(group, FilterGroup)
    assert can_move(root, first) == ["down", "in-below", "wrap"]
    assert can_move(root, group) == ["up"]
    assert can_move(group, group.nodes[0]) == ["wrap", "out"]


@pytest.mark.parametrize(
    "action", ["move:filter-0:up", "move:filter-9:up", "move:filter-0:sideways", "copy:filter", "use:"]
)
def test_a_button_that_cannot_do_anything_does_nothing(action: str) -> None:
    root = form_of([GOLD, HIGH])
    assert apply_action(root, action, WORDS) is None
    assert to_filter_json(root, ZONE).json == [GOLD, HIGH]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Line 1, character 2: the name of a field is missing"),
        ("7", "/filter: needs a condition"),
        ('[{"attribute": "plan"}]', "/filter/0: attribute and operator"),
        ('{"any": [{"attribute": "plan", "operator": "in", "value": [{}]}]}', "/filter/any/0/value"),
        ('{"not": {"all": {}}}', "/filter/not: needs a condition"),
        ("[" * 20 + "]" * 20, "nested 5 deep"),
    ],
)
def test_pasted_text_that_is_no_filter_is_refused_with_the_place(text: str, said: str) -> None:
    pasted = parse_pasted(text)
    assert pasted.json is None
    assert said in pasted.error


def test_a_filter_is_taken_alone_or_in_the_body_of_a_request() -> None:
    assert parse_pasted('{"filter": [], "name": "x"}').json == []
    assert parse_pasted('[{"attribute": "a", "operator": "is_set"}]').error == ""
    assert parse_pasted(" ") == (None, "")


@pytest.mark.parametrize("value", [None, 7, "x", [1], ["a", "b", "c"], True])
@pytest.mark.parametrize("operator", ["between", "in", "equals", "month_is", "in_period", "no_such"])
def test_a_pasted_condition_with_another_kind_of_value_is_shown_all_the_same(operator: str, value: Any) -> None:
    raw = [{"attribute": key, "operator": operator, "value": value} for key in TYPES]
    assert len(form_of(raw).nodes) == len(TYPES)
