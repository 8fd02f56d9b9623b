"""The flip index against plain evaluation: versions that come and go, and the edges of its classes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.filters.parsing import parse
from domain.values import Value
from projections.matching.flip_index import FlipIndex
from projections.matching.value_classes import ValueClasses, ids_of
from tests.property.test_evaluators_agree import compared, naive
from tests.support.oracles import oracle
from tests.support.oracles.adversarial import TYPES, bodies, filters

ZONE = ZoneInfo("Europe/Lisbon")
FEW = {key: TYPES[key] for key in ("t1", "n1", "b1", "l1")}


def node_of(raw: Any) -> Any:
    return parse(raw, TYPES, stored=True)  # type: ignore[arg-type]


def condition(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator} | ({} if value is None else {"value": value})


steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 5), filters(FEW, depth=3)),
    st.tuples(st.just("remove"), st.integers(0, 5), st.none()),
    st.tuples(st.just("change"), st.just(0), bodies()),
)


@settings(max_examples=300, deadline=None)
@given(journey=st.lists(steps, min_size=4, max_size=20))
def test_adding_and_removing_versions_ends_as_building_the_index_at_once(journey: list[tuple[str, int, Any]]) -> None:
    index = FlipIndex()
    watched: dict[int, Any] = {}
    values: dict[str, Value] = {}
    body: dict[str, Any] = {}
    for what, version, given_ in journey:
        if what == "remove":
            index.remove(version)
            watched.pop(version, None)
        elif what == "add" and version not in watched:
            index.add(version, node_of(given_))
            watched[version] = given_
        elif what == "change":
            before = {each for each, raw in watched.items() if oracle.holds(raw, TYPES, naive(body), ZONE)}
            body = given_
            after = {each for each, raw in watched.items() if oracle.holds(raw, TYPES, naive(body), ZONE)}
            new = compared(body, ZONE)
            flips = index.change(values, {key: new.get(key) for key in {**values, **new}})
            assert (sorted(flips.joined), sorted(flips.left)) == (sorted(after - before), sorted(before - after))
        at_once = FlipIndex()
        for each, raw in watched.items():
            at_once.add(each, node_of(raw))
        assert sorted(index.members_of(values)) == sorted(at_once.members_of(values))
        assert {each for each in range(6) if each in index} == set(watched)


BIG = Decimal("99999999999999999999999999999.5")
NEAR = Decimal("0.99999999999999999999999999999999999999")
EDGES: list[tuple[str, Any]] = [
    ("both name one value", {"all": [condition("t1", "equals", "a"), condition("t1", "in", ["A", "b"])]}),
    ("either names one value", {"any": [condition("t1", "equals", "a"), condition("t1", "in", ["a", "b"])]}),
    ("one value both ways", {"all": [condition("t1", "equals", "a"), condition("t1", "not_equals", "a")]}),
    ("one value either way", {"any": [condition("t1", "equals", "a"), condition("t1", "not_equals", "a")]}),
    ("touching spans", {"all": [condition("n1", "at_least", 1), condition("n1", "at_most", 1)]}),
    ("touching open spans", {"all": [condition("n1", "greater_than", 1), condition("n1", "less_than", 1)]}),
    ("all but one number", {"any": [condition("n1", "greater_than", 1), condition("n1", "less_than", 1)]}),
    ("a span of one number", condition("n1", "between", [1, Decimal("1.0")])),
    ("out of a span", condition("n1", "not_between", [0, 2])),
    ("thresholds of 38 digits", {"any": [condition("n1", "less_than", -BIG), condition("n1", "greater_than", BIG)]}),
    ("below a long threshold", condition("n1", "less_than", BIG)),
    ("above a long threshold", condition("n1", "greater_than", -BIG)),
    ("between near neighbours", {"all": [condition("n1", "greater_than", NEAR), condition("n1", "less_than", 1)]}),
    ("set and not in", {"all": [condition("n1", "is_set"), condition("n1", "not_in", [1, 2])]}),
    ("missing or one", {"any": [condition("n1", "is_not_set"), condition("n1", "equals", 1)]}),
    ("not of not", {"not": {"not": condition("b1", "equals", True)}}),
    ("neither true nor false", {"not": {"any": [condition("b1", "equals", True), condition("b1", "equals", False)]}}),
    ("a test beside a name", {"any": [condition("t1", "contains", "a"), condition("t1", "equals", "b")]}),
    ("two tests", {"all": [condition("t1", "starts_with", "a"), condition("l1", "includes_none", ["x"])]}),
    (
        "a mixed nest",
        {
            "any": [
                {"all": [condition("t1", "equals", "a"), condition("n1", "at_least", 1)]},
                {"not": {"any": [condition("b1", "equals", True), condition("n1", "is_set")]}},
            ]
        },
    ),
    (
        "one attribute in two branches",
        {
            "any": [
                {"all": [condition("t1", "equals", "a"), condition("n1", "equals", 1)]},
                {"all": [condition("t1", "equals", "b"), condition("n1", "equals", 2)]},
            ]
        },
    ),
    ("empty", []),
    ("not empty", {"not": {"any": []}}),
    ("all of empty", {"all": [{"any": []}]}),
    ("one or empty", {"any": [{"all": []}, condition("t1", "equals", "a")]}),
    ("one and not empty", {"all": [{"not": []}, condition("t1", "equals", "a")]}),
    ("neither empty", {"not": {"all": [[], condition("t1", "equals", "a")]}}),
]
VALUES: dict[str, list[Any]] = {
    "t1": [None, "a", "b", "xa", "ba"],
    "n1": [None, -BIG, BIG, BIG - 1, 0, NEAR, 1, Decimal("1.5"), 2, 3, 10**29, -(10**29), 10**38 - 1, 1 - 10**38],
    "b1": [None, True, False],
    "l1": [None, ["x"], ["a", "x"], ["a"]],
}


@pytest.mark.parametrize("raw", [raw for _, raw in EDGES], ids=[name for name, _ in EDGES])
def test_edges_of_classes(raw: Any) -> None:
    """From each value of an attribute to each other one, beside a few values of the rest."""
    index = FlipIndex()
    index.add(7, node_of(raw))
    for rest in ({}, {"t1": "a", "n1": 1}, {"t1": "b", "n1": 2, "b1": True}, {"t1": "a", "l1": ["x"]}):
        for key, choices in VALUES.items():
            for old in choices:
                for new in choices:
                    before, after = naive({**rest, key: old}), naive({**rest, key: new})
                    was, now = (oracle.holds(raw, TYPES, state, ZONE) for state in (before, after))
                    values = compared({**rest, key: old}, ZONE)
                    assert index.members_of(values) == [7] * was
                    flips = index.change(values, {key: compared({key: new}, ZONE).get(key)})
                    assert (flips.joined, flips.left) == ([7] * (now and not was), [7] * (was and not now)), (old, new)


@given(bits=st.integers(0, 2**300))
def test_ids_of_are_the_places_of_the_ones(bits: int) -> None:
    assert ids_of(bits) == [place for place in range(bits.bit_length()) if bits >> place & 1]


def test_a_bit_that_is_about_another_attribute_is_always_set() -> None:
    classes = ValueClasses("n1", [(1, node_of(condition("n1", "equals", 5)))], width=3, today=date.min)
    assert [classes.at(value) for value in (None, 5, 6)] == [0b101, 0b111, 0b101]


def test_many_distinct_values_of_a_tested_attribute_stay_right() -> None:
    """Beyond what the memo holds, and again after it was emptied."""
    index = FlipIndex()
    index.add(1, node_of(condition("t1", "contains", "7")))
    for number in [*range(10_500), *range(20)]:
        assert index.members_of({"t1": str(number)}) == [1] * ("7" in str(number))


@pytest.mark.parametrize("first", ["gained", "lost"])
def test_a_version_that_flips_there_and_back_within_one_change_does_not_flip(first: str) -> None:
    index = FlipIndex()
    index.add(1, node_of([condition("t1", "equals", "a"), condition("n1", "at_least", 1)]))
    values, new = compared({"t1": "a"}, ZONE), compared({"n1": 1}, ZONE)
    keys = [*new, *values] if first == "gained" else [*values, *new]
    flips = index.change(values, {key: new.get(key) for key in keys})
    assert (flips.joined, flips.left) == ([], [])
