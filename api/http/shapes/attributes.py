"""Attributes: the body, the answer, and how one is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, RequestBody
from domain.customer import BUILT_IN
from domain.filters.operators import operators_of
from domain.segment import MAX_NAME
from domain.values import AttributeType
from projections.read.attributes.known import Fill, share

EXAMPLE: dict[str, Any] = {
    "key": "plan",
    "type": "text",
    "label": "Plan",
    "built_in": False,
    "operators": ["is_set", "is_not_set", "equals", "not_equals"],
}
EXAMPLE_LISTED: dict[str, Any] = EXAMPLE | {"customers": 1204, "fill_rate": 0.62, "many_values": False}
EXAMPLE_VALUES: list[dict[str, Any]] = [{"value": "gold", "customers": 812}, {"value": "silver", "customers": 40}]


class AttributeBody(RequestBody):
    """The type of an attribute, fixed from then on, or the definition of one that is computed; and its label."""

    type: AttributeType | None = Field(default=None, description="Needed, but for a computed attribute.")
    label: str | None = Field(default=None, max_length=MAX_NAME, pattern=STORABLE)
    computed: Annotated[Any, WithJsonSchema({"x-schema": "Computed"})] = None


class Attribute(TypedDict):
    """An attribute with the operators that its conditions may use."""

    key: str
    type: AttributeType | Literal["segment"]
    label: str | None
    built_in: bool
    operators: list[str]
    computed: NotRequired[Annotated[Any, Field(description="The definition of an attribute that is computed.")]]
    definition: NotRequired[Annotated[str, Field(description="The same in words.")]]
    state: NotRequired[
        Annotated[
            Literal["current", "recomputing"],
            Field(description="Of one that is computed: recomputing while the values before its definition are shown."),
        ]
    ]
    customers: NotRequired[Annotated[int, Field(description="How many have a value. Only in the list.")]]
    fill_rate: NotRequired[Annotated[float, Field(description="The part of all customers, 0 to 1. Only in the list.")]]
    many_values: NotRequired[
        Annotated[bool, Field(description="Of too many different values to count each. Only in the list.")]
    ]


class CountedValue(TypedDict):
    """A value of an attribute with the number of customers who have it; of a list, one of its texts."""

    value: str | int | float | bool
    customers: int


class CountedValues(TypedDict):
    """A page of values, the most frequent first. Written out, for a heir of `PageOf` forgets what its items are."""

    data: list[CountedValue]
    next_cursor: str | None
    total: NotRequired[Annotated[int, Field(description="Only with `include=total`.")]]
    among: Annotated[int | None, Field(description="Null: of all customers. Else of so many, the newest.")]


def show_attribute(key: str, kind: AttributeType, label: str | None) -> Attribute:
    """Returns an attribute as `/v1` shows it; those that every account has are `built_in`."""
    return {
        "key": key,
        "type": kind,
        "label": label,
        "built_in": key in BUILT_IN,
        "operators": operators_of(kind),
    }


def show_computed(attribute: Attribute, definition: Any, words: str, *, is_served: bool) -> Attribute:
    """Returns a computed attribute with its definition, as JSON and in words; `is_served`: its values are shown."""
    state: Literal["current", "recomputing"] = "current" if is_served else "recomputing"
    return {**attribute, "computed": definition, "definition": words, "state": state}


def show_known(attribute: Attribute, filled: Fill, of: int) -> Attribute:
    """Returns an attribute of `of` customers with what is known of its values."""
    return attribute | {"customers": filled.customers, "fill_rate": share(filled, of), "many_values": filled.many}
