"""Attributes: the body, the answer, and how one is shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, RequestBody
from domain.customer import BUILT_IN
from domain.filters.operators import operators_of
from domain.segment import MAX_NAME
from domain.values import AttributeType

EXAMPLE: dict[str, Any] = {
    "key": "plan",
    "type": "text",
    "label": "Plan",
    "built_in": False,
    "operators": ["is_set", "is_not_set", "equals", "not_equals"],
}


class AttributeBody(RequestBody):
    """The type of an attribute, fixed from then on, and its label."""

    type: AttributeType
    label: str | None = Field(default=None, max_length=MAX_NAME, pattern=STORABLE)


class Attribute(TypedDict):
    """An attribute with the operators that its conditions may use."""

    key: str
    type: AttributeType | Literal["segment"]
    label: str | None
    built_in: bool
    operators: list[str]


def show_attribute(key: str, kind: AttributeType, label: str | None) -> Attribute:
    """Returns an attribute as `/v1` shows it; those that every account has are `built_in`."""
    return {
        "key": key,
        "type": kind,
        "label": label,
        "built_in": key in BUILT_IN,
        "operators": operators_of(kind),
    }
