"""Filters in the OpenAPI document, generated from the table of operators: a schema for each kind of operand.

A condition's `operator` says which of the schemas it has, and so what its `value` may be; whether its attribute allows
the operator is checked against the account, by `domain.filters.parsing`. Installed by `api.http.shapes.openapi`.
"""

from __future__ import annotations

from typing import Any

from domain.calendar import PERIODS, RETURN_PERIODS
from domain.filters.behaviour.measures import AGGREGATES
from domain.filters.behaviour.reading import MAX_WHERE_CONDITIONS, MAX_WHERE_DEPTH
from domain.filters.behaviour.windows import MAX_DAYS, MAX_HOURS
from domain.filters.nesting import SEGMENT
from domain.filters.operands import MAX_COUNT, MAX_VALUES, Takes
from domain.filters.operators import OPERATORS
from domain.filters.parsing import MAX_CONDITIONS, MAX_DEPTH, MAX_SEGMENTS
from domain.values import KEY_PATTERN, AttributeType

REF = "#/components/schemas/"
FILTER, NODE = {"$ref": f"{REF}Filter"}, {"$ref": f"{REF}FilterNode"}
_TEXT = {"type": "string", "minLength": 1}
_NUMBER = {"type": "number"}
_DAY = {"type": "string", "format": "date", "examples": ["2026-05-20"]}
_INSTANT = {"type": "string", "format": "date-time", "examples": ["2026-05-20T10:00:00Z"]}
_ONE: dict[AttributeType, tuple[str, dict[str, Any]]] = {
    "text": ("Text", _TEXT),
    "number": ("Number", _NUMBER),
    "boolean": ("Boolean", {"type": "boolean"}),
    "date": ("Date", _DAY),
    "datetime": ("Datetime", _INSTANT),
}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _array(items: dict[str, Any], most: int, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


_FIXED: dict[Takes, tuple[str, dict[str, Any]]] = {
    "nothing": ("Presence", {"type": "null"}),
    "fragment": _ONE["text"],
    "texts": ("TextList", _array(_TEXT, MAX_VALUES)),
    "day": _ONE["date"],
    "count": ("Count", _whole(0, MAX_COUNT)),
    "positive_count": ("PositiveCount", _whole(1, MAX_COUNT)),
    "year_days": ("AnniversaryDays", _whole(0, 365)),
    "period": ("Period", {"type": "string", "enum": list(PERIODS)}),
    "return_period": ("AnniversaryPeriod", {"type": "string", "enum": list(RETURN_PERIODS)}),
    "months": ("Months", _array(_whole(1, 12), 12) | {"description": "1 is January."}),
}


def _operand(takes: Takes, kind: AttributeType) -> tuple[str, dict[str, Any]]:
    """The name and the schema of what an operator compares an attribute of a type with."""
    if takes in _FIXED:
        return _FIXED[takes]
    name, one = _ONE[kind]
    match takes:
        case "several":
            return f"{name}List", _array(one, MAX_VALUES)
        case "pair":
            return f"{name}Range", _array(one, 2, 2) | {"description": "The lower one first; both are included."}
    return name, one


def _condition(name: str, operators: list[str], types: str, value: dict[str, Any]) -> dict[str, Any]:
    required = ["attribute", "operator"] + ([] if value == {"type": "null"} else ["value"])
    return {
        "title": name,
        "description": f"A condition on {types}.",
        "type": "object",
        "properties": {
            "attribute": {"type": "string", "pattern": KEY_PATTERN},
            "operator": {"type": "string", "enum": operators},
            "value": value,
        },
        "required": required,
        "additionalProperties": False,
    }


def _group(word: str, description: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": f"Filter{word.capitalize()}",
        "description": description,
        "type": "object",
        "properties": {word: inner},
        "required": [word],
        "additionalProperties": False,
    }


def conditions() -> dict[str, dict[str, Any]]:
    """The schema of each kind of condition, by name, from the table of operators."""
    operators: dict[str, list[str]] = {}
    types: dict[str, list[str]] = {}
    values: dict[str, dict[str, Any]] = {}
    for kind, rows in OPERATORS.items():
        for row in rows.values():
            operand, schema = _operand(row.takes, kind)
            name = f"{operand}Condition"
            values[name] = schema
            for known, new in ((operators, row.name), (types, kind)):
                listed = known.setdefault(name, [])
                if new not in listed:
                    listed.append(new)
    drawn = {
        name: _condition(name, operators[name], "an attribute of type " + ", ".join(types[name]), value)
        for name, value in values.items()
    }
    name = "SegmentCondition"
    drawn[name] = _condition(
        name, ["in", "not_in"], "segments", _array({"type": "string", "format": "uuid"}, MAX_SEGMENTS)
    )
    drawn[name]["properties"]["attribute"] = {"type": "string", "const": SEGMENT}
    return drawn


def _behaviour() -> dict[str, Any]:
    """The schema of a condition on what customers did."""
    where = {
        "description": f"A filter over properties, whose keys stand in the place of attributes: up to "
        f"{MAX_WHERE_CONDITIONS} conditions in groups up to {MAX_WHERE_DEPTH} deep, none of which moves with time.",
    }
    hours, days = _whole(1, MAX_HOURS), _whole(1, MAX_DAYS)
    windows = {
        "last_hours": hours, "last_days": days, "in_period": _FIXED["period"][1], "between": _array(_INSTANT, 2, 2),
        "since": _INSTANT,
    }  # fmt: skip
    return {
        "title": "BehaviourCondition",
        "description": "A condition on what customers did: an aggregate of the facts of an activity in a window of "
        "time, compared by an operator of its type.",
        "type": "object",
        "properties": {
            "activity": {"type": "string", "pattern": KEY_PATTERN},
            "where": where,
            "aggregate": {"type": "string", "enum": list(AGGREGATES)},
            "of": {"type": "string", "pattern": KEY_PATTERN, "description": "The property, but of a count or instant."},
            "window": {
                "description": "Without it, all facts that are kept count.",
                "type": "object",
                "properties": windows,
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
            "operator": {"type": "string", "enum": sorted({name for rows in OPERATORS.values() for name in rows})},
            "value": {"description": "As for an attribute of the aggregate's type."},
        },
        "required": ["activity", "aggregate", "operator"],
        "additionalProperties": False,
        "examples": [
            {"activity": "order_completed", "aggregate": "count", "window": {"last_days": 30}, "operator": "at_least",
             "value": 3}
        ],
    }  # fmt: skip


def _computed(condition: dict[str, Any]) -> dict[str, Any]:
    """The schema of a computed attribute: the left side of a condition on what customers did."""
    asked = {name: schema for name, schema in condition["properties"].items() if name not in ("operator", "value")}
    return condition | {
        "title": "Computed",
        "description": "What an attribute is computed from: an aggregate of facts of an activity in a window of time.",
        "properties": asked,
        "required": ["activity", "aggregate"],
        "examples": [{"activity": "order_completed", "aggregate": "count", "window": {"last_days": 30}}],
    }


def filter_schemas() -> dict[str, dict[str, Any]]:
    """Every schema that a filter consists of, by name; `Filter` is the whole, and what groups hold."""
    drawn = conditions() | {"BehaviourCondition": _behaviour()}
    inner = {"type": "array", "items": FILTER, "maxItems": MAX_CONDITIONS}
    # An array of itself is a schema that generators of clients do not know, so arrays are described two deep. Deeper
    # ones, which only say the same again, the parser takes all the same.
    lists = {"type": "array", "items": NODE, "maxItems": MAX_CONDITIONS}
    groups = {
        "FilterAll": _group("all", "True when everything in it is true.", inner),
        "FilterAny": _group("any", "True when something in it is true.", inner),
        "FilterNot": _group("not", "True when what is in it is false.", FILTER),
    }
    return {
        **drawn,
        "Computed": _computed(drawn["BehaviourCondition"]),
        "Condition": {
            "title": "Condition",
            "description": "Its operator says what the value is; `GET /v1/attributes` lists those of each attribute.",
            "anyOf": [{"$ref": REF + name} for name in drawn],
        },
        **groups,
        "FilterNode": {
            "title": "FilterNode",
            "description": "A condition or a group.",
            "anyOf": [{"$ref": REF + name} for name in ("Condition", *groups)],
        },
        "Filter": {
            "title": "Filter",
            "description": f"A condition, a group, or an array, which means the same as `all`: up to {MAX_CONDITIONS} "
            f"conditions, in groups up to {MAX_DEPTH} deep. Only the whole filter may be without conditions: it then "
            "matches no customer.",
            "anyOf": [NODE, lists | {"items": {"anyOf": [NODE, lists]}}],
        },
    }
