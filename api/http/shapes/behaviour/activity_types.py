"""Activities that an account knows, their properties, and values of these: how each is shown."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from domain.filters.behaviour.measures import AGGREGATES, OF_NUMBER, OF_PROPERTY, Aggregate
from domain.values import AttributeType
from projections.read.attributes.known import ValueCount
from projections.read.behaviour.known import ActivityType, operators_of_property

EXAMPLE: dict[str, Any] = {
    "name": "order_completed",
    "properties": [
        {
            "key": "total",
            "type": "number",
            "aggregates": ["sum", "min", "max", "average", "distinct", "latest"],
            "operators": ["equals", "not_equals", "less_than", "at_most", "greater_than", "at_least", "between"],
        }
    ],
}
EXAMPLE_VALUES: list[dict[str, Any]] = [{"value": "EUR", "facts": 812}, {"value": "USD", "facts": 40}]


class KnownProperty(TypedDict):
    """A property of an activity, what may be asked of it, and the operators that conditions of `where` may use."""

    key: str
    type: AttributeType
    aggregates: list[Aggregate]
    operators: list[str]


class ActivityTypeShape(TypedDict):
    """An activity that was recorded at least once."""

    name: str
    properties: list[KnownProperty]


class FactValue(TypedDict):
    """A value of a property with the number of facts that have it; of a list, one of its texts."""

    value: str | int | float | bool
    facts: int


class ValuesOfFacts(TypedDict):
    """A page of values, the most frequent first."""

    data: list[FactValue]
    next_cursor: str | None
    total: NotRequired[Annotated[int, Field(description="Only with `include=total`.")]]
    among: Annotated[int, Field(description="Of so many facts, those of the newest customers.")]


def show_activity_type(found: ActivityType) -> ActivityTypeShape:
    """Returns an activity as `/v1` shows it, its properties by key."""
    return {"name": found.name, "properties": [_property(key, kind) for key, kind in sorted(found.properties.items())]}


def show_fact_value(found: ValueCount) -> FactValue:
    """Returns a value as `/v1` shows it."""
    return {"value": found.value, "facts": found.customers}


def _property(key: str, kind: AttributeType) -> KnownProperty:
    return {
        "key": key,
        "type": kind,
        "aggregates": [
            each for each in AGGREGATES if each in OF_PROPERTY and (each not in OF_NUMBER or kind == "number")
        ],
        "operators": operators_of_property(kind),
    }
