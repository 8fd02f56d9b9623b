"""Reading a measure off a customer's facts agrees with looking at all facts anew, in whatever order they arrive."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.filters.behaviour.amounts import amount_at
from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.reading import Behaviour
from domain.filters.behaviour.series import History
from domain.filters.conditions import measures_of
from domain.filters.parsing import parse
from domain.instants import Days, micros
from domain.values import AttributeType, Value
from projections.matching.questions import Questions

DAYS = Days(ZoneInfo("Europe/Lisbon"))
NOW = micros(datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
HOUR = 3_600_000_000
ACTIVITIES: dict[str, dict[str, AttributeType]] = {"order": {"total": "number", "shop": "text", "due": "date"}}
WINDOWS: list[Any] = [None, {"last_hours": 3}, {"last_days": 2}, {"in_period": "today"}, {"in_period": "yesterday"},
                      {"between": ["2026-10-24T10:00:00Z", "2026-10-25T03:00:00Z"]}]  # fmt: skip
ASKED = [("count", None), ("sum", "total"), ("average", "total"), ("min", "total"), ("max", "total"),
         ("distinct", "shop"), ("first_at", None), ("last_at", None), ("latest", "shop"),
         ("latest", "due")]  # fmt: skip


def measure(aggregate: str, of: str | None, window: Any, where: Any = None) -> Measure:
    raw = {"activity": "order", "aggregate": aggregate, "of": of, "window": window, "where": where}
    asked = {key: each for key, each in raw.items() if each is not None} | {"operator": "is_set"}
    node = parse(asked, {}, Behaviour(ACTIVITIES))
    (found,) = measures_of(node).values()
    return found


MEASURES = {
    each.key: each
    for window in WINDOWS
    for aggregate, of in ASKED
    for where in (None, [{"attribute": "total", "operator": "at_least", "value": 20}])
    for each in [measure(aggregate, of, window, where)]
}


def a_fact(chance: random.Random, position: int) -> Fact:
    totals: list[int | Decimal] = [10, Decimal("20.25"), -5, 40]
    every: dict[str, Value] = {"total": chance.choice(totals), "shop": chance.choice("ABa"),
                               "due": f"2026-10-{chance.randrange(10, 30)}"}  # fmt: skip
    properties = {key: value for key, value in every.items() if chance.random() < 0.8}
    compared: dict[str, Value] = {**properties}
    if "shop" in properties:
        compared["shop"] = str(properties["shop"]).lower()
    time = NOW + chance.choice([0, -3, -48, 1, 5]) * HOUR + chance.choice([0, 1, -1, chance.randrange(-50, 50) * HOUR])
    return Fact(time, position, "order", properties, compared)


@pytest.mark.parametrize("seed", range(6))
def test_a_series_says_at_any_instant_what_all_facts_come_to(seed: int) -> None:
    chance = random.Random(seed)
    history, facts = History(()), []
    for position in range(12):
        facts.append(a_fact(chance, position))
        history.add(facts[-1])
        at = NOW + chance.randrange(-4, 60) * HOUR // 2
        for each in MEASURES.values():
            amount = amount_at(each, facts, at, DAYS)
            found = history.series(each).value(each, each.window.counted(at, DAYS))
            assert found == (amount.value if amount.counted else None), (each.definition, at)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_changes_by_itself_before_the_next_change(seed: int) -> None:
    chance = random.Random(seed)
    facts = [a_fact(chance, position) for position in range(8)]
    nodes = [parse(each.definition | {"operator": "is_set"}, {}, Behaviour(ACTIVITIES)) for each in MEASURES.values()]
    questions = Questions(MEASURES, nodes, [])
    for _ in range(20):
        at = NOW + chance.randrange(-4, 60) * HOUR // 2
        due = (amount_at(each, facts, at, DAYS).next_at for each in MEASURES.values())
        first = min((each for each in due if each is not None), default=None)
        found = questions.next_change(facts, at, DAYS)
        # It may be earlier, as `where` and `of` are not looked at, but never later.
        assert first is None or (found is not None and at < found <= first)
