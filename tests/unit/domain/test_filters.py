"""What a filter means and which filters are refused, without a database."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Invalid
from domain.filters.operators import OPERATORS
from domain.filters.parsing import empty_groups, parse
from domain.phones import phone_reader
from domain.values import AttributeType, Value, matchable
from tests.support.operator_cases import Case, cases

CASES = cases()
ATTRIBUTES: dict[str, AttributeType] = {"plan": "text", "score": "number", "vip": "boolean", "tags": "list"}
EACH_OPERATOR = [(kind, name) for kind, operators in OPERATORS.items() for name in operators]
GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
HIGH = {"attribute": "score", "operator": "at_least", "value": 50}
EMPTY: tuple[Any, ...] = ([], {"all": []}, {"any": []})


def holds(raw: Any, **values: Value) -> bool:
    return parse(raw, ATTRIBUTES).holds({key: matchable(value) for key, value in values.items()})


def mistakes(raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        parse(raw, ATTRIBUTES)
    assert all(each.detail for each in refused.value.errors)
    return [(each.pointer, each.code) for each in refused.value.errors]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_condition_is_true_of_the_values_it_names(case: Case) -> None:
    assert case.holds() is case.expected


@pytest.mark.parametrize(("kind", "name"), EACH_OPERATOR)
def test_every_operator_has_cases_for_true_false_and_missing(kind: AttributeType, name: str) -> None:
    about = [case for case in CASES if (case.type, case.operator) == (kind, name)]
    assert {case.expected for case in about} == {True, False}
    assert [case for case in about if case.stored() is None]
    if name not in {"is_set", "is_not_set"}:
        assert {case.expected for case in about if case.stored() is not None} == {True, False}


def test_there_are_no_cases_of_operators_that_do_not_exist() -> None:
    assert {(case.type, case.operator) for case in CASES} == set(EACH_OPERATOR)


def test_a_negative_operator_is_true_exactly_where_its_positive_one_is_not() -> None:
    pairs = [
        ("equals", "not_equals"),
        ("in", "not_in"),
        ("contains", "not_contains"),
        ("between", "not_between"),
        ("includes_any", "includes_none"),
        ("includes_all", "not_includes_all"),
        ("on", "not_on"),
        ("is_set", "is_not_set"),
    ]
    for positive, negative in pairs:
        kinds = [kind for kind in OPERATORS if positive in OPERATORS[kind]]
        assert kinds == [kind for kind in OPERATORS if negative in OPERATORS[kind]]
        for case in CASES:
            if case.operator == positive:
                assert case._replace(operator=negative).holds() is not case.expected


@pytest.mark.parametrize("raw", EMPTY)
def test_an_empty_filter_matches_no_customer(raw: Any) -> None:
    assert not holds(raw)
    assert not holds(raw, plan="gold")


@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_group_within_a_filter_is_refused_at_its_place(empty: Any) -> None:
    for raw, pointer in [
        ({"not": empty}, "/filter/not"),
        ([GOLD, empty], "/filter/1"),
        ({"all": [empty]}, "/filter/all/0"),
        ({"any": [GOLD, {"not": empty}]}, "/filter/any/1/not"),
        ({"not": {"not": empty}}, "/filter/not/not"),
    ]:
        assert mistakes(raw) == [(pointer, "empty_group")]
        assert list(empty_groups(raw)) == [pointer]


@pytest.mark.parametrize("empty", EMPTY)
def test_a_stored_filter_with_an_empty_group_stays_what_it_was(empty: Any) -> None:
    assert parse({"not": empty}, ATTRIBUTES, stored=True).holds({})
    assert not parse([empty, GOLD], ATTRIBUTES, stored=True).holds({"plan": "gold"})
    assert parse({"any": [empty, GOLD]}, ATTRIBUTES, stored=True).holds({"plan": "gold"})


@pytest.mark.parametrize("raw", [*EMPTY, None, [GOLD], {"not": GOLD}, {"any": [GOLD, {"all": [GOLD]}]}])
def test_a_filter_without_an_empty_group_inside_has_none(raw: Any) -> None:
    assert list(empty_groups(raw)) == []


def test_an_array_asks_for_all_of_its_conditions() -> None:
    assert holds([GOLD, HIGH], plan="gold", score=50)
    assert not holds([GOLD, HIGH], plan="gold", score=49)
    assert not holds([GOLD, HIGH], plan="gold")


def test_groups_nest() -> None:
    raw = {"any": [{"all": [GOLD, HIGH]}, {"not": {"any": [GOLD, {"attribute": "vip", "operator": "is_set"}]}}]}
    assert holds(raw, plan="GOLD", score=70)
    assert not holds(raw, plan="gold", score=1)
    assert holds(raw, plan="free")
    assert not holds(raw, plan="free", vip=False)


def test_true_is_not_one() -> None:
    condition = {"attribute": "vip", "operator": "equals", "value": True}
    assert holds(condition, vip=True)
    assert mistakes({**condition, "value": 1}) == [("/filter/value", "invalid_value")]


def test_every_mistake_is_reported_at_its_place() -> None:
    raw = {
        "all": [
            GOLD,
            {"attribute": "plna", "operator": "equals", "value": "gold"},
            {"attribute": "plan", "operator": "at_least", "value": 3},
            {"any": [{"attribute": "score", "operator": "between", "value": [9, 1]}, "gold"]},
            {"attribute": "plan", "operator": "is_set", "value": "gold"},
            {"attribute": "plan", "operator": "in", "value": []},
            {**GOLD, "values": 1},
            {"all": [GOLD], "any": [GOLD]},
        ]
    }
    assert mistakes(raw) == [
        ("/filter/all/1/attribute", "unknown_attribute"),
        ("/filter/all/2/operator", "unknown_operator"),
        ("/filter/all/3/any/0/value", "invalid_value"),
        ("/filter/all/3/any/1", "invalid_filter"),
        ("/filter/all/4/value", "invalid_value"),
        ("/filter/all/5/value", "invalid_value"),
        ("/filter/all/6", "invalid_filter"),
        ("/filter/all/7", "invalid_filter"),
    ]


@pytest.mark.parametrize("raw", [None, 1, "plan", True, {}, {"none": []}, {"all": GOLD}])
def test_json_that_is_no_filter_is_refused(raw: Any) -> None:
    assert mistakes(raw)[0][1] == "invalid_filter"


def test_groups_may_be_five_deep_and_no_deeper() -> None:
    def nested(depth: int) -> Any:
        return GOLD if depth == 0 else {"not": nested(depth - 1)}

    assert not holds(nested(5), plan="gold")
    assert mistakes(nested(6)) == [("/filter" + "/not" * 5, "filter_too_deep")]
    assert mistakes([[[[[[GOLD]]]]]]) == [("/filter/0/0/0/0/0", "filter_too_deep")]


def test_a_filter_has_at_most_a_hundred_conditions() -> None:
    fifty = [GOLD] * 50
    assert holds([{"any": fifty}, {"any": fifty}], plan="gold")
    assert mistakes([{"any": fifty}, {"any": [*fifty, GOLD]}]) == [("/filter", "too_many_conditions")]
    assert mistakes([GOLD] * 101) == [("/filter", "too_many_conditions")]


def test_a_list_of_values_holds_a_thousand() -> None:
    condition = {"attribute": "score", "operator": "in", "value": list(range(1_000))}
    assert holds(condition, score=999)
    assert mistakes({**condition, "value": list(range(1_001))}) == [("/filter/value", "invalid_value")]


SPELLINGS = (
    "07400 128001",
    "+44 7400 128001",
    "447400128001",
    "+447400128001",
    "(07400) 128-001",
    "07400\u200e128\u200b001",
)


def holds_in_gb(operator: str, value: Any, phone: str | None, *, stored: bool = False) -> bool:
    raw = {"attribute": "phone", "operator": operator, "value": value}
    node = parse(raw, {"phone": "text"}, read_phone=phone_reader("GB"), stored=stored)
    return node.holds({} if phone is None else {"phone": phone})


@pytest.mark.parametrize("typed", SPELLINGS)
def test_a_phone_number_in_a_filter_is_read_as_a_customers_is(typed: str) -> None:
    for phone in ("+447400128001", "+447400128002", None):
        same = phone == "+447400128001"
        assert holds_in_gb("equals", typed, phone) is same
        assert holds_in_gb("not_equals", typed, phone) is not same
        assert holds_in_gb("in", ["+351912345678", typed], phone) is same
        assert holds_in_gb("not_in", ["+351912345678", typed], phone) is not same


@pytest.mark.parametrize(
    ("operator", "part", "expected"),
    [
        ("starts_with", "+44 7400", True),
        ("starts_with", "+44-(7400)", True),
        ("contains", "7400 128", True),
        ("contains", "7400.128", True),
        ("contains", "\uff17\uff14\uff10\uff10", True),
        ("not_contains", "7400/128", False),
        ("ends_with", "128 001", True),
        ("ends_with", "128 002", False),
        ("starts_with", "07400 128", True),
        ("starts_with", "0044 7400", True),
        ("starts_with", "+44 (0)7400", True),
        ("starts_with", "447400", True),
        ("starts_with", "7400 128", True),
        ("starts_with", "07401", False),
        ("starts_with", "128", False),
        ("contains", "07400 128001", True),
        ("contains", "0044 7400 128001", True),
        ("contains", "07400 128002", False),
        ("not_contains", "07400 128001", False),
        ("ends_with", "(07400) 128-001", True),
    ],
)
def test_a_part_of_a_phone_number_is_compared_without_separators(operator: str, part: str, expected: bool) -> None:
    assert holds_in_gb(operator, part, "+447400128001") is expected


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("equals", "12"),
        ("in", ["07400 128001", "x"]),
        ("equals", 7),
        ("contains", " - "),
        ("contains", "12x"),
        ("starts_with", "00"),
    ],
)
def test_what_is_no_phone_number_is_refused_but_stays_in_a_stored_filter(operator: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        holds_in_gb(operator, value, None)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/filter/value", "invalid_value")]
    if value != 7:
        assert not holds_in_gb(operator, value, "+447400128001", stored=True)
