"""Random questions about behaviour, and random facts to ask about; for the story in `test_behaviour`."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from tests.support.oracles.time import DAY

NAMES = ["order", "visit"]
COMPUTED = {"one": "number", "two": "number", "three": "number", "since": "datetime"}
WINDOWS: list[Any] = [
    None, {"last_hours": 1}, {"last_hours": 24}, {"last_days": 1}, {"last_days": 2}, {"in_period": "today"},
    {"in_period": "yesterday"}, {"in_period": "this_week"}, {"in_period": "last_month"}, {"in_period": "this_month"},
]  # fmt: skip
SPANS = [timedelta(hours=1), timedelta(hours=24), timedelta(hours=48)]


def a_window(chance: random.Random, start: datetime) -> Any:
    if chance.random() < 0.15:
        first = start + timedelta(hours=chance.randrange(-30, 30))
        last = first + timedelta(hours=chance.randrange(1, 60))
        return chance.choice([{"since": first.isoformat()}, {"between": [first.isoformat(), last.isoformat()]}])
    return chance.choice(WINDOWS)


def a_where(chance: random.Random) -> Any:
    asked: dict[str, Any] = chance.choice([
        {"attribute": "total", "operator": "at_least", "value": 20},
        {"attribute": "product", "operator": "equals", "value": "SHIRT"},
        {"attribute": "product", "operator": "not_equals", "value": "hat"},
        {"attribute": "gift", "operator": "equals", "value": True},
        {"attribute": "tags", "operator": "includes_any", "value": ["Sale"]},
        {"attribute": "total", "operator": "is_not_set"},
        {"any": [{"attribute": "product", "operator": "contains", "value": "a"},
                 {"not": {"attribute": "gift", "operator": "is_set"}}]},
    ])  # fmt: skip
    return [asked] if chance.random() < 0.5 and "any" not in asked else asked


def a_condition(chance: random.Random, start: datetime) -> dict[str, Any]:
    amounts: list[tuple[str, str | None, list[Any]]] = [
        ("count", None, [0, 1, 2, 3]), ("count", None, [0, 1, 2, 3]), ("sum", "total", [0, 30.5, 60, -1]),
        ("average", "total", [20, 33.5, 25]), ("min", "total", [10, 20]), ("max", "total", [30, 40]),
        ("distinct", "product", [1, 2, 3]), ("distinct", "tags", [1, 2]),
    ]  # fmt: skip
    compared = ["equals", "not_equals", "at_least", "less_than", "greater_than", "at_most"]
    aggregate, of, values = chance.choice(amounts)
    operator, value = chance.choice(compared), chance.choice(values)
    kind = chance.random()
    if kind < 0.2:
        aggregate, of = chance.choice([("first_at", None), ("last_at", None)])
        operator, value = chance.choice([
            ("in_last_hours", 5), ("more_than_days_ago", 1), ("in_last_days", 1), ("is_set", None),
            ("is_not_set", None), ("after", start.isoformat()), ("in_period", "today"),
        ])  # fmt: skip
    elif kind < 0.35:
        aggregate = "latest"
        of, operator, value = chance.choice([
            ("product", "equals", "hat"), ("product", "not_equals", "Shirt"), ("gift", "equals", False),
            ("tags", "includes_none", ["sale"]), ("due", "in_last_days", 1), ("total", "at_least", 25),
        ])  # fmt: skip
    asked = {"activity": chance.choice(NAMES), "aggregate": aggregate, "operator": operator}
    if of is not None:
        asked["of"] = of
    if value is not None:
        asked["value"] = value
    if (window := a_window(chance, start)) is not None:
        asked["window"] = window
    if chance.random() < 0.3:
        asked["where"] = a_where(chance)
    return asked


def kind_of(asked: dict[str, Any]) -> str | None:
    """The type of a computed attribute of this story that such a question may be."""
    if asked["aggregate"] in ("first_at", "last_at"):
        return "datetime"
    return None if asked["aggregate"] == "latest" else "number"


def a_question(chance: random.Random, start: datetime, kind: str) -> dict[str, Any]:
    while kind_of(asked := a_condition(chance, start)) != kind:
        pass
    return asked


def a_definition(chance: random.Random, start: datetime, kind: str) -> dict[str, Any]:
    asked = a_question(chance, start, kind)
    return {key: each for key, each in asked.items() if key not in ("operator", "value")}


def a_leaf(chance: random.Random, start: datetime) -> dict[str, Any]:
    """A condition, on behaviour or on a computed attribute."""
    if chance.random() < 0.6:
        return a_condition(chance, start)
    name, kind = chance.choice(list(COMPUTED.items()))
    asked = a_question(chance, start, kind)
    return {"attribute": name} | {key: asked[key] for key in ("operator", "value") if key in asked}


def a_filter(chance: random.Random, start: datetime) -> Any:
    leaves: list[Any] = [a_leaf(chance, start) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    leaves = [{"not": leaf} if chance.random() < 0.2 else leaf for leaf in leaves]
    return {chance.choice(["all", "any"]): leaves}


def some_properties(chance: random.Random, now: datetime) -> dict[str, Any]:
    properties = {
        "total": chance.choice([10, 20.25, 33.5, 40, -5, 0]),
        "product": chance.choice(["Shirt", "shirt", "hat", "Straße", "STRASSE"]),
        "gift": chance.choice([True, False]),
        "tags": chance.choice([["sale"], ["Sale", "new"], ["old"]]),
        "due": (now + chance.randrange(-3, 3) * DAY).date().isoformat(),
    }
    return {key: value for key, value in properties.items() if chance.random() < 0.7}
