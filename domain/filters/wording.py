"""Filters, conditions and values in words: "Plan equals gold and Last order is in the last 30 days".

Used by the console: the summary in lists of segments, the filter builder, and the pages that say why a customer is in
a segment. Each operator's phrase is in the table of operators. Instants are shown in the account's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.filters.nesting import SEGMENT
from domain.filters.operators import Operator, operator_named
from domain.values import AttributeType

MOST_VALUES = 10
MOST_IN_SUMMARY = 3
NO_FILTERS = "No filters"
MONTHS = [f"{date(2000, month, 1):%B}" for month in range(1, 13)]
# What the operators of segment membership say; those of attributes have their phrase in the table of operators.
SEGMENT_PHRASES = {"in": "is in {}", "not_in": "is not in {}"}


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one account: labels and types of its attributes, its time zone, and its segments' names by id.

    Of a list, the first `most` values are shown.
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
        """A filter as a sentence; `None` is the filter of a static segment."""
        return NO_FILTERS if raw is None or _is_empty(raw) else self._node(raw)

    def _node(self, raw: Any, *, nested: bool = False) -> str:
        if isinstance(raw, dict) and "attribute" in raw:
            return self.condition(raw)
        if isinstance(raw, dict) and "not" in raw:
            return f"not ({self._node(raw['not'])})"
        if _is_empty(raw):
            return "an empty group"
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

    def phrase(self, condition: Mapping[str, Any]) -> str:
        """What a condition asks, without its attribute: "is in the last 30 days"."""
        name, key = str(condition["operator"]), str(condition["attribute"])
        value: Any = condition.get("value")
        if key == SEGMENT:
            return SEGMENT_PHRASES[name].format(self._several(key, value, " or "))
        operator = operator_named(name, self.types.get(key))
        if operator is None:
            return f"{name.replace('_', ' ')} {self.value(key, value)}"
        return operator.phrase.format(self._operand(operator, key, value))

    def condition(self, raw: Mapping[str, Any]) -> str:
        """A condition as a sentence: "Last order is in the last 30 days"."""
        return f"{self.label(raw['attribute'])} {self.phrase(raw)}"

    def _operand(self, operator: Operator, key: str, value: Any) -> str:
        match operator.takes:
            case "period" | "return_period":
                return str(value).replace("_", " ")
            case "count" | "positive_count" | "year_days":
                return plural(int(value), operator.unit)
            case "months":
                return " or ".join(MONTHS[int(month) - 1] for month in value)
            case "pair":
                return " and ".join(self.value(key, each) for each in value)
        if isinstance(value, list):
            return self._several(key, value, " and " if operator.name.endswith("_all") else " or ")
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
    """Returns whether a node is a group without conditions, which matches no customer."""
    return not (isinstance(raw, dict) and ("attribute" in raw or "not" in raw)) and not (
        raw["any"] if isinstance(raw, dict) and "any" in raw else _all(raw)
    )


def day(value: date) -> str:
    """A day as people read it: May 20, 2026."""
    return f"{value:%B} {value.day}, {value:%Y}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """2, customer -> 2 customers."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
