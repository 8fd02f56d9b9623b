"""What conditions on behaviour mean, naively: from SEMANTICS alone, with lists, fractions and datetimes.

Shares no code with Rollcall. Every fact is looked at for every question.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.oracles.time import moving_is_true, period_days


@dataclass(frozen=True)
class Fact:
    """What somebody did, and since when it is known."""

    known: datetime
    time: datetime
    name: str
    properties: dict[str, Any]


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_in_window(window: Any, time: datetime, now: datetime, zone: ZoneInfo) -> bool:
    if time > now:
        return False
    if window is None:
        return True
    ((kind, value),) = window.items()
    match kind:
        case "last_hours":
            return time > now - timedelta(hours=value)
        case "last_days":
            return time > now - timedelta(hours=24 * value)
        case "since":
            return time >= datetime.fromisoformat(value)
        case "between":
            return datetime.fromisoformat(value[0]) <= time <= datetime.fromisoformat(value[1])
        case "in_period":
            first, last = period_days(value, now.astimezone(zone).date())
            return bool(first <= time.astimezone(zone).date() <= last)
    raise AssertionError(kind)


def is_true_of(value: Any, operator: str, operand: Any) -> bool:
    """Whether a value, `None` where it is missing, passes an operator that does not move with time."""
    if operator in ("is_set", "is_not_set"):
        return (value is not None) == (operator == "is_set")
    positive = {"not_equals": "equals", "not_between": "between", "not_in": "in", "includes_none": "includes_any"}
    if operator in positive:
        return not is_true_of(value, positive[operator], operand)
    if value is None:
        return False
    if isinstance(value, str) and isinstance(operand, str):
        value, operand = folded(value), folded(operand)
    match operator:
        case "equals":
            return bool(value == operand)
        case "in":
            return value in operand if not isinstance(value, str) else folded(value) in map(folded, operand)
        case "contains":
            return operand in value
        case "includes_any":
            return not {folded(each) for each in value}.isdisjoint(map(folded, operand))
        case "at_least" | "on_or_after":
            return bool(value >= operand)
        case "greater_than" | "after":
            return bool(value > operand)
        case "at_most" | "on_or_before":
            return bool(value <= operand)
        case "less_than" | "before":
            return bool(value < operand)
        case "between":
            return bool(operand[0] <= value <= operand[1])
    raise AssertionError(operator)


def fits(node: Any, properties: dict[str, Any]) -> bool:
    if isinstance(node, list):
        return all(fits(each, properties) for each in node)
    if "all" in node:
        return all(fits(each, properties) for each in node["all"])
    if "any" in node:
        return any(fits(each, properties) for each in node["any"])
    if "not" in node:
        return not fits(node["not"], properties)
    return is_true_of(properties.get(node["attribute"]), node["operator"], node.get("value"))


def measured(condition: Any, facts: list[Fact], now: datetime, zone: ZoneInfo) -> Any:
    """The value of the left side of a condition; `facts` in the order of the log."""
    of = condition.get("of")
    counted = [
        fact
        for fact in facts
        if fact.known <= now
        and fact.name == condition["activity"]
        and is_in_window(condition.get("window"), fact.time, now, zone)
        and (of is None or of in fact.properties)
        and (not condition.get("where") or fits(condition["where"], fact.properties))
    ]
    values = [fact.properties[of] for fact in counted] if of else []
    match condition["aggregate"]:
        case "count":
            return len(counted)
        case "sum":
            return sum((Fraction(Decimal(str(each))) for each in values), Fraction(0))
        case "distinct":
            return len({_compared(each) for each in values})
    if not counted:
        return None
    match condition["aggregate"]:
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "average":
            return sum(Fraction(Decimal(str(each))) for each in values) / len(values)
        case "first_at":
            return min(fact.time for fact in counted)
        case "last_at":
            return max(fact.time for fact in counted)
        case "latest":
            latest = max(fact.time for fact in counted)
            return [fact for fact in counted if fact.time == latest][-1].properties[of]
    raise AssertionError(condition)


def _compared(value: Any) -> Any:
    if isinstance(value, str):
        return folded(value)
    return tuple(sorted({folded(each) for each in value})) if isinstance(value, list) else value


MOVING = ("in_last_hours", "in_last_days", "more_than_days_ago", "in_period")


def holds(node: Any, facts: list[Fact], now: datetime, zone: ZoneInfo) -> bool:
    """Whether a filter on behaviour holds of somebody with these facts."""
    if "all" in node:
        return all(holds(each, facts, now, zone) for each in node["all"])
    if "any" in node:
        return any(holds(each, facts, now, zone) for each in node["any"])
    if "not" in node:
        return not holds(node["not"], facts, now, zone)
    value, operator, operand = measured(node, facts, now, zone), node["operator"], node.get("value")
    if operator in MOVING:
        if value is None:
            return False
        if isinstance(value, str):
            value = date.fromisoformat(value)
        kind = "datetime" if isinstance(value, datetime) else "date"
        return moving_is_true(kind, operator, operand, value, now, zone)
    if isinstance(value, datetime):
        operand = datetime.fromisoformat(operand) if isinstance(operand, str) else operand
    if isinstance(value, Fraction) and operand is not None:
        exact = [Fraction(Decimal(str(each))) for each in (operand if isinstance(operand, list) else [operand])]
        operand = exact if isinstance(operand, list) else exact[0]
    return is_true_of(value, operator, operand)
