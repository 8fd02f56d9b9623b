"""Plans for `event_log`: few customers with few values, so that nearly every change flips something somewhere.

Drawn from a seed rather than by hypothesis, whose examples are too short for edits, changes and rebuilds to meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.support.oracles import oracle
from tests.support.oracles.event_log import START

Step = tuple[Any, ...]

VALUES: dict[str, list[Any]] = {
    "plan": ["gold", "GOLD ", "straße", "STRASSE", "", None],
    "score": [0, 1, Decimal("1.0"), Decimal("0.1"), 2, None],
    "active": [True, False, None],
    "born": ["2000-02-29", "2000-03-01", "1999-05-21", None],
    "last_order": ["2026-05-19T23:30:00Z", "2026-05-20T00:30:00+01:00", "2026-05-20T12:00:00Z", None],
    "likes": [["a"], ["A", "b"], ["c"], [], None],
}
CONDITIONS: list[tuple[str, list[str], list[Any]]] = [
    ("plan", ["equals", "not_equals", "contains", "starts_with", "ends_with"], ["gold", "STRASSE", "e"]),
    ("plan", ["in", "not_in"], [["gold", "silver"], ["strasse"]]),
    ("score", ["equals", "less_than", "at_most", "greater_than", "at_least", "not_equals"], [1, Decimal("0.1"), 2]),
    ("score", ["between", "not_between"], [[0, 1], [1, 1]]),
    ("active", ["equals", "not_equals"], [True, False]),
    ("born", ["before", "on_or_after", "equals"], ["2000-03-01", "2000-02-29"]),
    ("last_order", ["before", "after"], ["2026-05-20T00:00:00Z"]),
    ("last_order", ["on", "not_on"], ["2026-05-20", "2026-05-19"]),
    ("likes", ["includes_any", "includes_none", "includes_all", "not_includes_all"], [["a"], ["a", "B"]]),
    ("tags", ["includes_any", "includes_none"], [["vip"]]),
    ("opted_out", ["equals"], [True, False]),
    ("name", ["equals", "is_set", "is_not_set"], ["ana"]),
    ("created_at", ["after", "before"], ["2026-05-20T10:00:30Z"]),
]
MOVING: list[tuple[str, list[str], list[Any]]] = [
    ("last_order", ["in_last_days"], [1, 2]),
    ("last_order", ["in_next_hours"], [1, 3]),
    ("last_order", ["in_period"], ["today", "yesterday"]),
    ("born", ["anniversary_in_period"], ["this_week", "today"]),
]
STILL = [each for each in CONDITIONS if each[0] != "created_at"]
KEYS = "abcdefghij"
SIZES = [1, 2, 3, 5, 50]


def a_filter(chance: Random, depth: int = 2, *, still: bool = False) -> Any:
    """`still`: nothing in it follows the clock, so that it can be judged by the customer's own values."""
    if depth and chance.random() < 0.5:
        nodes = [a_filter(chance, depth - 1, still=still) for _ in range(chance.choice([1, 2, 2, 3]))]
        return chance.choice([nodes, {"all": nodes}, {"any": nodes}, {"any": nodes}, {"not": {"any": nodes}}])
    conditions = STILL if still else MOVING if chance.random() < 0.05 else CONDITIONS
    attribute, operators, operands = chance.choice(conditions)
    operator = chance.choice(operators)
    value = {} if operator in ("is_set", "is_not_set") else {"value": chance.choice(operands)}
    return {"attribute": attribute, "operator": operator} | value


def a_change(chance: Random, keys: Sequence[str] = KEYS, seconds: int = 40) -> oracle.Change:
    some = chance.sample(sorted(VALUES), chance.randint(0, 3))
    data: dict[str, Any] = {"attributes": {key: chance.choice(VALUES[key]) for key in some}}
    if chance.random() < 0.03:
        data["attributes"]["score"] = "many"  # of another type: the whole change is invalid
    if chance.random() < 0.2:
        data["name"] = chance.choice(["Ana", "ANA ", "", "Rui"])
    if chance.random() < 0.2:
        data["tags"] = chance.choice([["vip"], ["VIP", "new"], []])
    if chance.random() < 0.2:
        data["opted_out"] = chance.random() < 0.5
    identity = ("crm", str(chance.randint(1, 30))) if chance.random() < 0.3 else None
    at = START + timedelta(seconds=chance.randint(0, seconds))
    return oracle.Change(chance.choice(keys), at, data, chance.random() < 0.08, identity)


def a_plan(chance: Random, length: int) -> list[Step]:
    """Customers and segments first, then anything; changes and edits in bursts that the worker cannot keep up with."""
    plan: list[Step] = []
    for account in (0, 1):
        plan += [("changes", account, [a_change(chance) for _ in range(12)]) for _ in range(2)]
        plan += [("create", account, a_filter(chance)) for _ in range(4)]
    plan += [("work", 12)]
    for _ in range(length):
        account = chance.randint(0, 1)
        what = chance.random()
        if what < 0.30:
            plan.append(("changes", account, [a_change(chance) for _ in range(chance.choice([1, 2, 8]))]))
        elif what < 0.60:
            plan.append(("work", chance.randint(1, 3)))
        elif what < 0.80:
            name = chance.choice([None, f"Name {chance.random()}"])
            plan.append(("edit", account, chance.randint(0, 5), a_filter(chance), name))
        elif what < 0.85:
            plan.append(("create", account, a_filter(chance)))
        elif what < 0.89:
            plan.append(("delete", account, chance.randint(0, 5)))
        elif what < 0.92:
            plan.append(("clock", chance.choice([-5, 1, 10, 10, 3_600, 40_000])))
        elif what < 0.985:
            plan.append(("restart", chance.choice(SIZES), chance.choice(SIZES)))
        else:
            plan.append(("rebuild", chance.choice(SIZES), chance.choice(SIZES)))
    return plan
