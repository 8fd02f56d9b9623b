"""The cases of every operator, from operator_cases.json: what a condition says of a value.

Read by the tests of the Python evaluator and by those of the SQL one. A row: the attribute's type, the operator, its
operand, a customer's value as it was sent (null = none), whether the condition is true, and where it matters
the account's zone and the instant at which it is asked.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain import json_text
from domain.filters.conditions import Node
from domain.filters.facets import facets_of
from domain.filters.parsing import parse
from domain.instants import Days, Moment, micros
from domain.values import AttributeType, BadValue, Value, normalise

KEY = "a"
NOW = "2026-05-20T10:00:00Z"


class Case(NamedTuple):
    """One row."""

    type: AttributeType
    operator: str
    operand: Any
    value: Any
    expected: bool
    zone: str
    now: str

    def node(self) -> Node:
        """The condition, as a filter that was saved."""
        return parse({"attribute": KEY, "operator": self.operator, "value": self.operand}, {KEY: self.type})

    def days(self) -> Days:
        """The account's calendar."""
        return Days(ZoneInfo(self.zone))

    def moment(self) -> Moment:
        """When it is asked."""
        return self.days().moment(micros(datetime.fromisoformat(self.now)))

    def stored(self) -> Value | None:
        """The value in normal form, `None` where it is missing."""
        value = normalise(self.type, self.value)
        assert not isinstance(value, BadValue), value
        return value

    def holds(self) -> bool:
        """What the Python evaluator says."""
        seen = facets_of(KEY, self.type, self.stored(), self.days())
        return self.node().holds({facet: each for facet, each in seen.items() if each is not None}, self.moment())

    def __str__(self) -> str:
        return f"{self.type} {self.value!r} {self.operator} {self.operand!r} ({self.zone}, {self.now})"


def cases() -> list[Case]:
    """Every row, in order."""
    rows = json_text.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return [
        Case(
            row["type"],
            row["operator"],
            row.get("operand"),
            row["value"],
            row["expected"],
            row.get("zone", "UTC"),
            row.get("now", NOW),
        )
        for row in rows
    ]
