"""The filter builder's form: every filter can be shown in it, and says the same when it is sent back."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.console.filters.actions import apply_action
from api.console.filters.conversion import form_from_filter, to_filter_json
from api.console.filters.form import FilterRow, form_from_fields
from api.console.filters.vocabulary import FilterVocabulary, filter_vocabulary, unit_of
from domain.filters.nesting import SEGMENT, Reference
from domain.filters.operators import OPERATORS
from domain.filters.parsing import parse
from domain.filters.wording import Words
from domain.values import AttributeType
from projections.read.accounts import AttributeRow
from tests.support.console.filter_form import fields_of, plain
from tests.support.operator_cases import KEY, Case, cases
from tests.support.oracles.adversarial import TYPES, ZONES, filters

LISBON = ZoneInfo("Europe/Lisbon")
KINDS: dict[str, AttributeType] = {
    "plan": "text", "score": "number", "vip": "boolean", "born": "date", "seen": "datetime", "likes": "list",
}  # fmt: skip
SEGMENTS = {"0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77": "Gold", "5b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77": "Silver"}
SEVERAL = {"attribute": "plan", "operator": "in", "value": ["gold", "silver"]}


def known(types: dict[str, Any]) -> FilterVocabulary:
    return filter_vocabulary([AttributeRow(key, kind, None) for key, kind in types.items()], SEGMENTS)


WORDS = known(KINDS)


def again(raw: Any, words: FilterVocabulary, zone: ZoneInfo = LISBON) -> Any:
    """The filter after it was shown, sent unchanged, and read."""
    parsed = to_filter_json(form_from_fields(fields_of(form_from_filter(raw, words, zone)), words), zone)
    assert parsed.unfinished == {}
    return parsed.json


def references(segment_id: str) -> Reference | None:
    return Reference(SEGMENTS[segment_id], "static", None) if segment_id in SEGMENTS else None


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(raw=filters(), zone=st.sampled_from(ZONES))
def test_any_filter_that_can_be_stored_is_shown_and_sent_back_without_loss(raw: Any, zone: ZoneInfo) -> None:
    types: dict[str, Any] = dict(TYPES)
    after = again(raw, known(types), zone)
    assert plain(parse(after, types, stored=True)) == plain(parse(raw, types, stored=True))
    assert again(after, known(types), zone) == after


@pytest.mark.parametrize("case", cases(), ids=str)
def test_each_operator_with_its_value_is_sent_back_as_it_was(case: Case) -> None:
    raw = {"attribute": KEY, "operator": case.operator} | ({} if case.operand is None else {"value": case.operand})
    after = again(raw, known({KEY: case.type}), ZoneInfo(case.zone))
    assert plain(parse(after, {KEY: case.type})) == plain(case.node())


@pytest.mark.parametrize(
    "value",
    [
        {"attribute": SEGMENT, "operator": "not_in", "value": list(SEGMENTS)},
        {"attribute": "plan", "operator": "equals", "value": "two\nlines"},
        {"attribute": "plan", "operator": "in", "value": ["two\nlines", "Lisbon, PT", '"']},
        {"attribute": "seen", "operator": "before", "value": "2026-10-25T01:30:00.123456Z"},
        {"attribute": "seen", "operator": "in_last_hours", "value": 6},
        {"attribute": "born", "operator": "month_is", "value": [5, 12]},
        {"attribute": "born", "operator": "anniversary_in_period", "value": "this_month"},
    ],
)
def test_what_an_input_cannot_show_exactly_is_not_lost_while_nobody_types(value: dict[str, Any]) -> None:
    types = KINDS | {}
    assert plain(parse(again([value], WORDS), types, segments=references)) == plain(
        parse([value], types, segments=references)
    )


def test_once_somebody_types_only_what_she_typed_counts() -> None:
    root = form_from_filter(
        [{"attribute": "seen", "operator": "before", "value": "2026-10-25T01:30:00.123456Z"}], WORDS, LISBON
    )
    row = root.nodes[0]
    assert isinstance(row, FilterRow)
    assert row.texts["exact"] != [""]
    row.texts["value"] = ["2026-05-20T10:00"]
    assert to_filter_json(root, LISBON).json == [
        {"attribute": "seen", "operator": "before", "value": "2026-05-20T09:00:00.000000Z"}
    ]


def test_the_deepest_filter_stays_as_deep_as_it_was() -> None:
    condition = {"attribute": "vip", "operator": "equals", "value": True}
    for raw in (
        {"all": [{"any": [{"all": [{"not": {"any": [condition, condition]}}]}]}]},
        {"not": {"not": {"not": {"not": {"not": condition}}}}},
        {"any": [{"any": [{"any": [{"any": [{"not": condition}]}]}]}]},
    ):
        assert plain(parse(again(raw, WORDS), KINDS)) == plain(parse(raw, KINDS))


def test_every_operator_has_words_of_its_own_and_what_counts_says_what_it_counts() -> None:
    for key, kind in KINDS.items():
        words = dict(WORDS.operators(key))
        assert list(words) == list(OPERATORS[kind])
        assert len(set(words.values())) == len(words)
        for name, operator in OPERATORS[kind].items():
            counts = "count" in operator.takes or operator.takes == "year_days"
            assert bool(unit_of(name)) == counts
            assert "…" in words[name] or not counts
    assert dict(WORDS.operators("born"))["equals"] == "Equals"
    assert dict(WORDS.operators("seen"))["in_last_hours"] == "Is in the last … hours"
    assert dict(WORDS.operators(SEGMENT))["not_in"] == "Is not in"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Choose an attribute"),
        ({"attribute": "score", "operator": "equals"}, "Choose a value"),
        ({"attribute": "score", "operator": "equals", "value": "many"}, "Needs a number such as 12.5"),
        ({"attribute": "score", "operator": "between", "low": "1"}, "Choose a value"),
        ({"attribute": "score", "operator": "in", "more": "1, x"}, "Needs a number such as 12.5"),
        ({"attribute": "seen", "operator": "before", "value": "yesterday"}, "Needs a date and a time"),
        ({"attribute": "seen", "operator": "before", "value": "2026-02-30T10:00"}, "Not a valid date and time"),
        ({"attribute": "born", "operator": "in_last_days", "value": "1.5"}, "Needs a whole number such as 30"),
        ({"attribute": "born", "operator": "month_is"}, "Choose a month"),
        ({"attribute": SEGMENT, "operator": "in"}, "Choose a segment"),
    ],
)
def test_a_condition_that_is_not_finished_says_what_it_still_needs(typed: dict[str, str], said: str) -> None:
    fields = [("filter-0-attribute", "")] if not typed else [(f"filter-0-{name}", text) for name, text in typed.items()]
    assert to_filter_json(form_from_fields(fields, WORDS), LISBON).unfinished == {"filter-0": said}


def test_an_attribute_of_another_type_brings_its_own_operators_and_keeps_one_that_it_shares() -> None:
    fields = {"filter-0-attribute": "score", "filter-0-operator": "contains", "filter-0-value": "7"}
    assert rows(fields)[0].operator == "equals"
    assert rows(fields | {"filter-0-operator": "between"})[0].operator == "between"


def test_values_of_another_kind_are_not_carried_over() -> None:
    fields = {
        "filter-0-attribute": "score",
        "filter-0-operator": "in",
        "filter-0-item": '"PT"',
        "filter-0-kind": "text",
    }
    assert rows(fields)[0].all("item") == []
    assert rows(fields | {"filter-0-kind": "number", "filter-0-item": "7"})[0].all("item") == ["7"]


def rows(fields: dict[str, str]) -> list[FilterRow]:
    return [node for _, node in form_from_fields(fields.items(), WORDS).descendants() if isinstance(node, FilterRow)]


def test_buttons_add_and_remove_rows_and_groups_and_the_others_keep_their_places() -> None:
    root = form_from_filter([SEVERAL, SEVERAL], WORDS, LISBON)
    assert apply_action(root, "add:filter", WORDS) == "filter-2-attribute"
    assert apply_action(root, "remove:filter-1", WORDS) == "filter-add"
    assert apply_action(root, "group:filter", WORDS) == "filter-3-match"
    assert [node.path for _, node in root.descendants()] == ["filter-0", "filter-2", "filter-3", "filter-3-0"]
    assert [node.path for _, node in form_from_fields(fields_of(root), WORDS).descendants()] == [
        "filter-0",
        "filter-2",
        "filter-3",
        "filter-3-0",
    ]


def test_values_are_typed_by_comma_or_line_and_taken_away_one_by_one() -> None:
    fields = {"filter-0-attribute": "plan", "filter-0-operator": "in", "filter-0-more": "gold, silver,, gold\r\nfree "}
    root = form_from_fields(fields.items(), WORDS)
    assert to_filter_json(root, LISBON).json == [SEVERAL | {"value": ["gold", "silver", "free"]}]
    apply_action(root, "drop:filter-0:1", WORDS)
    assert to_filter_json(root, LISBON).json == [SEVERAL | {"value": ["gold", "free"]}]


@pytest.mark.parametrize(
    "action",
    ["", "add", "add:filter-9", "add:filter-0", "remove:filter", "drop:filter-0:9", "drop:filter-0:x", "x:filter"],
)
def test_a_button_that_is_not_there_does_nothing(action: str) -> None:
    root = form_from_filter([SEVERAL], WORDS, LISBON)
    apply_action(root, action, WORDS)
    assert to_filter_json(root, LISBON).json == [SEVERAL]


def test_a_mistake_that_the_domain_finds_is_told_at_its_row_or_group() -> None:
    raw = {"any": [SEVERAL, {"all": [SEVERAL, {"not": SEVERAL}]}]}
    parsed = to_filter_json(form_from_filter(raw, WORDS, LISBON), LISBON)
    places = {
        pointer: node.path
        for pointer in ("/filter", "/filter/any/0/value", "/filter/any/1/all", "/filter/any/1/all/1/not/value/0")
        if (node := parsed.node_at(pointer))
    }
    assert list(places.values()) == ["filter", "filter-0", "filter-1", "filter-1-1-0"]


def test_a_filter_is_said_in_words_with_the_names_of_segments_and_days_as_people_write_them() -> None:
    raw = [
        {"attribute": "born", "operator": "equals", "value": "2026-05-20"},
        {"any": [SEVERAL, {"not": {"attribute": SEGMENT, "operator": "in", "value": list(SEGMENTS)}}]},
    ]
    words = Words(WORDS.labels, WORDS.types, LISBON, SEGMENTS)
    assert words.sentence(raw) == (
        "Born equals May 20, 2026 and (Plan is one of gold or silver or not (Segment membership is in Gold or Silver))"
    )
    assert words.sentence([]) == "No filters"
