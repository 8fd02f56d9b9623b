"""The workload of every benchmark: customers, segments and changes as a shop has them. Seeded, plain Python.

15 attributes with skewed values, some missing; segments of 1 to 3 conditions on different attributes, joined by
all, that hold for 0.01 to 30 % of the customers (log-uniform), thresholds rounded as a person types them;
changes to skewed customers (the most active tenth gets nearly half), 80 % of them drift of numbers and dates.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple

from domain.values import AttributeType

TODAY = date(2026, 1, 1)
SAMPLE = 4_096
LOWEST, HIGHEST = 1e-4, 0.3
Value = Any


class Attribute(NamedTuple):
    """Its type, and how often filters read it and changes touch it."""

    type: AttributeType
    filtered: float
    changed: float


ATTRIBUTES: dict[str, Attribute] = {
    "country": Attribute("text", 15, 1),
    "city": Attribute("text", 6, 2.5),
    "plan": Attribute("text", 12, 3),
    "premium": Attribute("boolean", 6, 2),
    "lifetime_value": Attribute("number", 14, 22),
    "orders": Attribute("number", 10, 18),
    "birthdate": Attribute("date", 2, 0.5),
    "signup_date": Attribute("date", 7, 0.5),
    "last_order_date": Attribute("date", 12, 20),
    "language": Attribute("text", 4, 1),
    "origin": Attribute("text", 4, 2),
    "age": Attribute("number", 5, 1.5),
    "score": Attribute("number", 5, 20),
    "newsletter": Attribute("boolean", 4, 3),
    "tier": Attribute("text", 6, 3),
}
TYPES: dict[str, AttributeType] = {key: attribute.type for key, attribute in ATTRIBUTES.items()}
CHOICES: dict[str, tuple[list[str], list[float]]] = {}


def _zipf(prefix: str, count: int) -> tuple[list[str], list[float]]:
    return [f"{prefix}{rank:04d}" for rank in range(count)], list(
        accumulate(1 / rank**1.1 for rank in range(1, count + 1))
    )


def _weighted(weights: dict[str, float]) -> tuple[list[str], list[float]]:
    return list(weights), list(accumulate(weights.values()))


CHOICES["country"] = _zipf("country-", 50)
CHOICES["city"] = _zipf("city-", 2000)
CHOICES["language"] = _zipf("language-", 20)
CHOICES["origin"] = _zipf("origin-", 8)
CHOICES["plan"] = _weighted({"free": 0.62, "basic": 0.2, "pro": 0.12, "team": 0.05, "enterprise": 0.01})
CHOICES["tier"] = _weighted({"bronze": 0.7, "silver": 0.2, "gold": 0.08, "platinum": 0.02})
MISSING = {"city": 0.05, "language": 0.03, "birthdate": 0.2, "last_order_date": 0.15, "age": 0.1, "score": 0.1}


def draw(chance: random.Random, key: str) -> Value | None:
    """A value of attribute `key`, or `None` where this customer has none."""
    if chance.random() < MISSING.get(key, 0):
        return None
    if key in CHOICES:
        names, weights = CHOICES[key]
        return chance.choices(names, cum_weights=weights)[0]
    match key:
        case "premium":
            return chance.random() < 0.12
        case "newsletter":
            return chance.random() < 0.55
        case "lifetime_value":
            return Decimal(f"{chance.lognormvariate(4.5, 1.4):.2f}")
        case "orders":
            return int(chance.lognormvariate(1.2, 1.1))
        case "age":
            return int(chance.triangular(16, 85, 32))
        case "score":
            return round(100 * chance.betavariate(2, 3))
        case "birthdate":
            return (TODAY - timedelta(days=int(365.25 * chance.triangular(16, 85, 32)))).isoformat()
        case "signup_date":
            return (TODAY - timedelta(days=int(min(3650, chance.expovariate(1 / 700))))).isoformat()
        case _:
            return (TODAY - timedelta(days=int(min(2000, chance.expovariate(1 / 180))))).isoformat()


def customers(count: int, seed: int = 1) -> Iterator[dict[str, Value]]:
    """Customers' attributes, without those that are missing."""
    chance = random.Random(seed)
    for _ in range(count):
        yield {key: value for key in ATTRIBUTES if (value := draw(chance, key)) is not None}


class Change(NamedTuple):
    """One attribute of one customer gets a new value."""

    customer: int
    key: str
    new: Value | None


def changes(people: list[dict[str, Value]], count: int, seed: int = 3) -> Iterator[Change]:
    """Changes that change something; `people` is brought up to date as they are drawn."""
    chance = random.Random(seed)
    places = list(range(len(people)))
    chance.shuffle(places)
    keys, weights = list(ATTRIBUTES), list(accumulate(each.changed for each in ATTRIBUTES.values()))
    made = 0
    while made < count:
        who = places[int(len(people) * chance.random() ** 3)]
        key = chance.choices(keys, cum_weights=weights)[0]
        old = people[who].get(key)
        new = _next_value(chance, key, old, made * 14 // count)
        if new == old:
            continue
        if new is None:
            del people[who][key]
        else:
            people[who][key] = new
        made += 1
        yield Change(who, key, new)


def _next_value(chance: random.Random, key: str, old: Value | None, day: int) -> Value | None:
    match key:
        case "lifetime_value":
            step = Decimal(f"{chance.expovariate(1 / 40):.2f}")
            return max(Decimal(0), (old or Decimal(0)) + (-step if chance.random() < 0.05 else step))
        case "orders":
            return (old or 0) + 1
        case "last_order_date":
            return (TODAY + timedelta(days=day)).isoformat()
        case "score":
            return min(100, max(0, round((50 if old is None else old) + chance.gauss(0, 5))))
    return draw(chance, key)


@dataclass(frozen=True)
class _Candidate:
    condition: tuple[str, str, Any]
    mask: int


def segments(count: int, seed: int = 2, highest: float = HIGHEST) -> list[list[dict[str, Any]]]:
    """Filters as the API takes them; the first ones are the same for every `count`."""
    chance = random.Random(seed)
    sample = list(customers(SAMPLE, seed=99))
    ordered = {key: sorted(each[key] for each in sample if key in each) for key in ATTRIBUTES}
    keys, weights = list(ATTRIBUTES), list(accumulate(each.filtered for each in ATTRIBUTES.values()))
    masks: dict[str, int] = {}
    found: list[list[dict[str, Any]]] = []
    while len(found) < count:
        low = LOWEST * (highest / LOWEST) ** chance.random()
        for _ in range(60):
            chosen = {chance.choices(keys, cum_weights=weights)[0] for _ in range(chance.choice([1, 2, 2, 3]))}
            conditions = [_condition(chance, key, ordered[key]) for key in sorted(chosen)]
            mask = (1 << SAMPLE) - 1
            for condition in conditions:
                mask &= _mask(condition, sample, masks)
            share = mask.bit_count() / SAMPLE
            if low / 2 <= share <= min(highest, low * 2) or (low * SAMPLE < 1 and mask.bit_count() == 1):
                found.append(conditions)
                break
    return found


def _condition(chance: random.Random, key: str, ordered: list[Value]) -> dict[str, Any]:
    kind, roll = TYPES[key], chance.random()

    def some() -> Value:
        return _rounded(key, ordered[int(chance.random() * len(ordered))])

    if kind == "boolean":
        return {"attribute": key, "operator": "equals", "value": chance.random() < 0.7}
    if kind == "text":
        if roll < 0.6:
            return {"attribute": key, "operator": "equals", "value": some()}
        if roll < 0.72:
            return {"attribute": key, "operator": "not_equals", "value": some()}
        if roll < 0.96:
            return {
                "attribute": key,
                "operator": "in",
                "value": sorted({some() for _ in range(chance.randrange(2, 7))}),
            }
        return {"attribute": key, "operator": "is_set"}
    above, below = ("after", "before") if kind == "date" else ("greater_than", "less_than")
    if roll < 0.40:
        return {"attribute": key, "operator": above, "value": some()}
    if roll < 0.66:
        return {"attribute": key, "operator": below, "value": some()}
    if roll < 0.88:
        return {"attribute": key, "operator": "between", "value": sorted([some(), some()])}
    if roll < 0.97:
        return {"attribute": key, "operator": "equals", "value": some()}
    return {"attribute": key, "operator": "is_set"}


def _rounded(key: str, value: Value) -> Value:
    if key == "lifetime_value" and value > 0:
        digits = math.floor(math.log10(value)) - 1
        return Decimal(value).quantize(Decimal(1).scaleb(digits)) if digits < 0 else int(round(value, -digits))
    return value


def _mask(condition: dict[str, Any], sample: list[dict[str, Value]], masks: dict[str, int]) -> int:
    name = repr(condition)
    if name not in masks:
        key, test = condition["attribute"], _test(condition)
        bits = bytes(48 + (key in each and test(each[key])) for each in reversed(sample))
        masks[name] = int(bits, 2)
    return masks[name]


def _test(condition: dict[str, Any]) -> Any:
    value: Any = condition.get("value")
    match condition["operator"]:
        case "equals":
            return lambda x: x == value
        case "not_equals":
            return lambda x: x != value
        case "in":
            return lambda x: x in value
        case "is_set":
            return lambda x: True
        case "greater_than" | "after":
            return lambda x: x > value
        case "less_than" | "before":
            return lambda x: x < value
        case _:
            return lambda x: value[0] <= x <= value[1]
