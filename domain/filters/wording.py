"""Filters, conditions and values in words: "Plan equals gold and Last order is in the last 30 days".

The one table of what operators are called: for the summary in lists of segments, the filter builder, and the pages
that say why somebody is in a segment. Instants are said in the account's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.filters.nesting import SEGMENT
from domain.values import AttributeType

MOST_VALUES = 10
MOST_IN_SUMMARY = 3
NO_FILTERS = "No filters"
MONTHS = [f"{date(2000, month, 1):%B}" for month in range(1, 13)]
# For each operator what it says of a value; {} is its own value in words.
PHRASES: dict[str, str] = {
    "equals": "equals {}",
    "not_equals": "does not equal {}",
    "in": "is one of {}",
    "not_in": "is none of {}",
    "contains": "contains {}",
    "not_contains": "does not contain {}",
    "starts_with": "starts with {}",
    "ends_with": "ends with {}",
    "is_set": "has a value",
    "is_not_set": "has no value",
    "less_than": "is less than {}",
    "at_most": "is at most {}",
    "greater_than": "is greater than {}",
    "at_least": "is at least {}",
    "between": "is between {}",
    "not_between": "is not between {}",
    "includes_any": "includes any of {}",
    "includes_none": "includes none of {}",
    "includes_all": "includes all of {}",
    "not_includes_all": "does not include all of {}",
    "before": "is before {}",
    "on_or_before": "is on or before {}",
    "after": "is after {}",
    "on_or_after": "is on or after {}",
    "on": "is on {}",
    "not_on": "is not on {}",
    "in_last_days": "is in the last {}",
    "in_next_days": "is in the next {}",
    "in_last_hours": "is in the last {}",
    "in_next_hours": "is in the next {}",
    "more_than_days_ago": "is more than {} ago",
    "more_than_days_ahead": "is more than {} ahead",
    "in_period": "is {}",
    "month_is": "is in {}",
    "anniversary_in_period": "has its anniversary {}",
    "anniversary_in_last_days": "had its anniversary in the last {}",
    "anniversary_in_next_days": "has its anniversary in the next {}",
}
OF_SEGMENTS = {"in": "is in {}", "not_in": "is not in {}"}
OF_BOOLEANS = {"equals": "is {}", "not_equals": "is not {}"}
MOVING = frozenset(name for name in PHRASES if name.endswith(("_days", "_hours", "_period")) or "days_a" in name)


@dataclass(frozen=True, slots=True)
class Words:
    """How one account speaks: what its attributes are called and are, its zone, and its segments' names by id.

    Of a list it says the first `most` values.
    """

    labels: Mapping[str, str | None]
    types: Mapping[str, AttributeType]
    zone: ZoneInfo
    segments: Mapping[str, str]
    most: int = MOST_VALUES

    def summary(self, raw: Any) -> str:
        """A filter as a line in a list: "Premium customer is True and Country is one of PT or ES"."""
        return replace(self, most=MOST_IN_SUMMARY).sentence(raw)

    def sentence(self, raw: Any) -> str:
        """A filter as people say it; `None` is that of a static segment."""
        return NO_FILTERS if raw is None or _is_empty(raw) else self._node(raw)

    def _node(self, raw: Any, *, nested: bool = False) -> str:
        if isinstance(raw, dict) and "attribute" in raw:
            return self.condition(raw)
        if isinstance(raw, dict) and "not" in raw:
            return f"not ({self._node(raw['not'])})"
        if _is_empty(raw):
            return "nobody"
        nodes, joint = (raw["any"], " or ") if isinstance(raw, dict) and "any" in raw else (_all(raw), " and ")
        if len(nodes) == 1:
            return self._node(nodes[0], nested=nested)
        joined = joint.join(self._node(each, nested=True) for each in nodes)
        return f"({joined})" if nested else joined

    def label(self, key: str) -> str:
        """What people call an attribute."""
        return self.labels.get(key) or key.replace("_", " ").capitalize()

    def value(self, key: str, value: Any) -> str:
        """A value of an attribute, or one that it is compared with."""
        match value:
            case None | "" | []:
                return "no value"
            case bool():
                return "True" if value else "False"
            case Decimal():
                return format(value, "f")
            case list() | tuple() | set() | frozenset():
                return self._several(key, list(value), " and ")
            case str() if key == SEGMENT:
                return self.segments.get(value, "a deleted segment")
            case str() if self.types.get(key) in ("date", "datetime"):
                return self._time(value)
        return str(value)

    def phrase(self, told: Mapping[str, Any]) -> str:
        """What a condition asks, without its attribute: "is in the last 30 days"."""
        operator, key = str(told["operator"]), str(told["attribute"])
        value: Any = told.get("value")
        if key == SEGMENT:
            return OF_SEGMENTS[operator].format(self._several(key, value, " or "))
        if self.types.get(key) == "boolean" and operator in OF_BOOLEANS:
            return OF_BOOLEANS[operator].format(self.value(key, value))
        phrase = PHRASES.get(operator)
        if phrase is None:
            return f"{operator.replace('_', ' ')} {self.value(key, value)}"
        return phrase.format(self._operand(operator, key, value))

    def condition(self, told: Mapping[str, Any]) -> str:
        """A condition as a sentence: "Last order is in the last 30 days"."""
        return f"{self.label(told['attribute'])} {self.phrase(told)}"

    def _operand(self, operator: str, key: str, value: Any) -> str:
        if operator.endswith("_period"):
            return str(value).replace("_", " ")
        if operator in MOVING:
            return plural(int(value), "hour" if operator.endswith("_hours") else "day")
        if operator == "month_is":
            return " or ".join(MONTHS[int(month) - 1] for month in value)
        if operator.endswith("between"):
            return " and ".join(self.value(key, each) for each in value)
        if isinstance(value, list):
            return self._several(key, value, " and " if operator.endswith("_all") else " or ")
        return self.value(key, value)

    def _several(self, key: str, values: list[Any], joint: str) -> str:
        shown = [self.value(key, each) for each in values[: self.most]]
        if len(values) > self.most:
            shown.append(f"{len(values) - self.most:,} more")
        return joint.join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]

    def _time(self, text: str) -> str:
        if "T" not in text:
            return day(date.fromisoformat(text))
        try:
            local = datetime.fromisoformat(text).astimezone(self.zone)
        except OverflowError:
            return text
        return f"{local:%b} {local.day}, {local:%Y, %H:%M}"


def _all(raw: Any) -> Any:
    return raw["all"] if isinstance(raw, dict) else raw


def _is_empty(raw: Any) -> bool:
    """Whether a node is a group without conditions, which matches nobody."""
    return not (isinstance(raw, dict) and ("attribute" in raw or "not" in raw)) and not (
        raw["any"] if isinstance(raw, dict) and "any" in raw else _all(raw)
    )


def day(value: date) -> str:
    """A day as people read it: May 20, 2026."""
    return f"{value:%B} {value.day}, {value:%Y}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """2, customer -> 2 customers."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
