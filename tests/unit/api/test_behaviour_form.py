"""Conditions on behaviour in the filter builder: each can be shown in inputs, and means the same when sent back."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.filters.actions import apply_action, can_move
from api.console.filters.conversion import form_from_filter, show_mended, to_filter_json
from api.console.filters.form import FilterGroup, FilterRow, form_from_fields, noted_paths, offered_operators
from api.console.filters.vocabulary import filter_vocabulary
from domain.calendar import PERIODS
from domain.errors import Invalid
from domain.filters.behaviour.measures import AGGREGATES, OF_NUMBER, OF_PROPERTY
from domain.filters.behaviour.reading import Behaviour
from domain.filters.operators import OPERATORS
from domain.filters.parsing import parse
from domain.values import AttributeType
from projections.read.accounts import AttributeRow
from projections.read.behaviour.known import operators_of_property
from tests.support.console.filter_form import fields_of, plain
from tests.support.operator_cases import cases

LISBON = ZoneInfo("Europe/Lisbon")
PROPERTIES: dict[str, AttributeType] = {
    "shop": "text", "total": "number", "gift": "boolean", "due": "date", "paid": "datetime", "tags": "list",
}  # fmt: skip
ACTIVITIES = {"order": PROPERTIES, "visit": {}}
WORDS = filter_vocabulary([AttributeRow("plan", "text", None)], {}, ACTIVITIES)
OF_TYPE = {kind: key for key, kind in PROPERTIES.items()}
WINDOWS: list[Any] = [
    None, {"last_days": 30}, {"last_hours": 8_784}, *({"in_period": each} for each in PERIODS),
    {"between": ["2026-05-20T10:00:00.123456Z", "2026-10-25T01:30:00Z"]}, {"since": "2026-05-20T12:00:00+02:00"},
]  # fmt: skip
TIMES = {"activity": "order", "aggregate": "count", "operator": "at_least", "value": 3}
BIG = {"attribute": "total", "operator": "at_least", "value": 20.5}
GIFT = {"attribute": "gift", "operator": "is_not_set"}
WHERES: list[Any] = [
    None, [], {"all": []}, {"any": []}, BIG, [BIG], {"not": BIG}, {"any": [BIG, GIFT]}, {"not": {"any": [BIG, GIFT]}},
    {"all": [BIG, {"any": [GIFT, BIG]}]}, {"any": [{"not": BIG}, {"all": [BIG, GIFT]}]}, {"not": {"not": BIG}},
]  # fmt: skip


def again(raw: Any) -> Any:
    parsed = to_filter_json(form_from_fields(fields_of(form_from_filter(raw, WORDS, LISBON)), WORDS), LISBON)
    assert parsed.unfinished == {}
    return parsed.json


def meaning(raw: Any) -> Any:
    return plain(parse(raw, {"plan": "text"}, Behaviour(ACTIVITIES)))


def operands() -> dict[tuple[AttributeType, str], list[Any]]:
    found: dict[tuple[AttributeType, str], list[Any]] = {}
    for case in cases():
        found.setdefault((case.type, case.operator), []).append(case.operand)
    return found


OPERANDS = operands()


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A condition on behaviour of any shape."""
    aggregate = draw(st.sampled_from(AGGREGATES))
    of = draw(st.sampled_from(sorted(PROPERTIES))) if aggregate in OF_PROPERTY else None
    of = "total" if aggregate in OF_NUMBER else of
    kind: AttributeType = "number"
    if aggregate in ("first_at", "last_at"):
        kind = "datetime"
    elif aggregate == "latest":
        kind = PROPERTIES[str(of)]
    _, operator = draw(st.sampled_from([each for each in OPERANDS if each[0] == kind]))
    asked = {
        "activity": "order", "aggregate": aggregate, "of": of, "where": draw(st.sampled_from(WHERES)),
        "window": draw(st.sampled_from(WINDOWS)), "operator": operator,
        "value": draw(st.sampled_from(OPERANDS[kind, operator])),
    }  # fmt: skip
    return {name: each for name, each in asked.items() if each is not None}


@given(raw=questions())
def test_any_condition_on_behaviour_is_shown_and_sent_back_without_loss(raw: dict[str, Any]) -> None:
    after = again([{"any": [raw, {"attribute": "plan", "operator": "is_set"}]}])
    assert meaning(after) == meaning([{"any": [raw, {"attribute": "plan", "operator": "is_set"}]}])
    assert again(after) == after


@pytest.mark.parametrize("where", WHERES, ids=str)
@pytest.mark.parametrize("window", [None, {"last_days": 7}], ids=str)
def test_whatever_it_asks_of_properties_is_shown_in_inputs(where: Any, window: Any) -> None:
    raw = TIMES | ({} if where is None else {"where": where}) | ({} if window is None else {"window": window})
    row = form_from_filter([raw], WORDS, LISBON).nodes[0]
    assert isinstance(row, FilterRow)
    assert (row.activity, row.asked) == ("order", "")
    assert meaning(again([raw])) == meaning([raw])


def test_each_operator_of_a_property_is_shown_in_inputs() -> None:
    for case in cases():
        if case.operator not in operators_of_property(case.type):
            continue
        condition = {"attribute": OF_TYPE[case.type], "operator": case.operator}
        raw = [TIMES | {"where": [condition | ({} if case.operand is None else {"value": case.operand})]}]
        assert meaning(again(raw)) == meaning(raw)


def test_what_moves_with_time_is_not_offered_of_a_property() -> None:
    for kind, key in OF_TYPE.items():
        for operator in OPERATORS[kind]:
            offered = operator in operators_of_property(kind)
            assert offered == (operator in dict(WORDS.about("order").operators(key)))
            value = next(operand for each, operand in ((c, c.operand) for c in cases())
                         if (each.type, each.operator) == (kind, operator))  # fmt: skip
            condition = {"attribute": key, "operator": operator} | ({} if value is None else {"value": value})
            if offered:
                meaning([TIMES | {"where": [condition]}])
            else:
                with pytest.raises(Invalid, match="moves with time"):
                    meaning([TIMES | {"where": [condition]}])


@pytest.mark.parametrize(
    "change",
    [
        {"activity": "unknown"}, {"aggregate": "sum"}, {"aggregate": "sum", "of": "shop"}, {"window": {"last_days": 0}},
        {"operator": "contains"}, {"value": "many"}, {"where": [BIG | {"attribute": "nothing"}]}, {"more": 1},
        {"operator": "is_set"}, {"where": {"all": [{"all": [{"all": [BIG]}]}]}}, {"where": "x"}, {"aggregate": ["sum"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_condition_with_a_mistake_stays_as_it_was_written(change: dict[str, Any]) -> None:
    raw = TIMES | change
    row = form_from_filter([raw], WORDS, LISBON).nodes[0]
    assert isinstance(row, FilterRow)
    assert row.asked
    assert again([raw]) == [raw]


def test_an_activity_that_is_chosen_asks_whether_it_was_done_in_the_last_month() -> None:
    root = form_from_filter([], WORDS, LISBON)
    apply_action(root, "did:filter", WORDS)
    fields = dict(fields_of(root))
    assert to_filter_json(root, LISBON).unfinished == {"filter-0": "Choose what they did"}
    chosen = form_from_fields((fields | {"filter-0-attribute": "did:visit"}).items(), WORDS)
    asked = {"activity": "visit", "aggregate": "count", "window": {"last_days": 30}, "operator": "at_least", "value": 1}
    assert to_filter_json(chosen, LISBON).json == [asked]


def test_another_question_keeps_what_it_shares_with_the_one_before() -> None:
    fields = dict(fields_of(form_from_filter([TIMES | {"where": [BIG], "window": {"last_days": 7}}], WORDS, LISBON)))
    total = form_from_fields((fields | {"filter-0-aggregate": "sum"}).items(), WORDS)
    asked = {"activity": "order", "where": [BIG], "aggregate": "sum", "of": "total", "window": {"last_days": 7}}
    assert to_filter_json(total, LISBON).json == [asked | {"operator": "at_least", "value": 3}]
    latest = form_from_fields((fields | {"filter-0-aggregate": "latest", "filter-0-of": "shop"}).items(), WORDS)
    row = latest.nodes[0]
    assert isinstance(row, FilterRow)
    assert (row.operator, row.inputs) == ("equals", ("one", "text"))


@pytest.mark.parametrize(
    ("typed", "path", "said"),
    [
        ({"aggregate": "latest"}, "filter-0-of", "Choose a property"),
        ({"window": "last_days", "span": ""}, "filter-0-window", "Enter how many"),
        ({"window": "last_days", "span": "x"}, "filter-0-window", "Needs a whole number such as 30"),
        ({"window": "in_period"}, "filter-0-window", "Choose a period"),
        ({"window": "between", "from": "2026-05-20T10:00"}, "filter-0-window", "Choose a date and a time"),
        ({"value": ""}, "filter-0", "Choose a value"),
    ],
)
def test_what_is_not_finished_is_said_beside_its_input(typed: dict[str, str], path: str, said: str) -> None:
    fields = dict(fields_of(form_from_filter([TIMES], WORDS, LISBON)))
    root = form_from_fields((fields | {f"filter-0-{name}": text for name, text in typed.items()}).items(), WORDS)
    assert to_filter_json(root, LISBON).unfinished == {path: said}
    assert path in noted_paths(root)


def test_mistakes_that_the_domain_finds_are_placed_at_the_input_or_the_property() -> None:
    raw = [
        TIMES | {"aggregate": "max", "of": "total", "where": [BIG, {"any": [GIFT, BIG]}], "window": {"last_days": 1}}
    ]
    parsed = to_filter_json(form_from_filter(raw, WORDS, LISBON), LISBON)
    places = {
        "/filter/0/window/last_days": "filter-0-window",
        "/filter/0/of": "filter-0-of",
        "/filter/0/value": "filter-0",
        "/filter/0/where": "filter-0-0",
        "/filter/0/where/1/any/0/operator": "filter-0-0-1-0",
    }
    for pointer, path in places.items():
        node = parsed.node_at(pointer)
        assert node is not None
        assert node.path == path


def test_conditions_on_properties_are_added_grouped_copied_and_turned_round_like_others() -> None:
    root = form_from_filter([TIMES], WORDS, LISBON)
    assert apply_action(root, "add:filter-0-0", WORDS) == "filter-0-0-0-attribute"
    assert apply_action(root, "group:filter-0-0", WORDS) == "filter-0-0-1-match"
    inner = next(node for _, node in root.descendants() if node.path == "filter-0-0-1")
    assert isinstance(inner, FilterGroup)
    assert (inner.of, inner.takes_groups) == ("order", False)
    assert apply_action(root, "did:filter-0-0", WORDS) is None
    assert apply_action(root, "remove:filter-0-0", WORDS) is None
    assert apply_action(root, "move:filter-0-0:out", WORDS) is None
    assert can_move(inner, inner.nodes[0]) == ["out"]
    copied = apply_action(form := form_from_filter([TIMES | {"where": [BIG]}], WORDS, LISBON), "copy:filter-0", WORDS)
    assert copied == "filter-1-more-actions"
    assert apply_action(form, "negate:filter-1", WORDS) == "filter-1-match"
    assert apply_action(form, "negate:filter-1-0-0-0", WORDS) == "filter-1-0-0-match"
    compared = {"operator": "at_least", "value": 3}
    assert to_filter_json(form, LISBON).json == [
        {"activity": "order", "where": [BIG], "aggregate": "count"} | compared,
        {"not": {"activity": "order", "where": {"not": BIG}, "aggregate": "count"} | compared},
    ]


def test_of_what_always_has_a_value_is_not_asked_whether_it_has_one() -> None:
    row = form_from_filter([TIMES], WORDS, LISBON).nodes[0]
    assert isinstance(row, FilterRow)
    assert "is_set" not in [name for _, options in offered_operators(row, WORDS) for name, _ in options]


def test_broken_json_is_placed() -> None:
    fields = [("filter-0-asked", '{"activity": "order",\n "aggregate" "count"}')]
    said = "Line 2, character 14: a colon is missing after the name of the field."
    assert to_filter_json(form_from_fields(fields, WORDS), LISBON).unfinished == {"filter-0": said}


def test_a_mended_condition_is_shown_in_inputs_from_then_on() -> None:
    root = form_from_filter([TIMES | {"activity": "nothing"}, TIMES | {"window": {"last_days": 0}}], WORDS, LISBON)
    first = root.nodes[0]
    assert isinstance(first, FilterRow)
    first.texts["asked"] = [json.dumps(TIMES)]
    show_mended(root, WORDS, LISBON)
    assert [(node.activity, bool(node.asked)) for node in root.nodes if isinstance(node, FilterRow)] == [
        ("order", False), ("", True),
    ]  # fmt: skip
    assert to_filter_json(root, LISBON).json[0] == TIMES
