"""Kafka Connect's JSON as rows: with the schema beside the payload, or without.

Called by `consumers.topic_formats`; the rows become changes by `rows`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.errors import Invalid
from domain.formats.rows import Row
from domain.formats.typed_values import connect_value

# Debezium's transformation of envelopes into rows marks those that were deleted, where it is set up to keep them.
_DELETED = "__deleted"


def unwrapped(value: Any) -> Any:
    """Returns the payload by its schema, where there is one beside it, and otherwise the value itself."""
    if isinstance(value, Mapping) and value.keys() == {"schema", "payload"}:
        payload = value["payload"]
        return payload if value["schema"] is None else connect_value(value["schema"], payload)
    return value


def read_connect(value: Any) -> Row:
    """Returns the row of a record, a deleted one for null. Raises `Invalid`."""
    return read_json(unwrapped(value))


def read_json(value: Any) -> Row:
    """Returns a plain object as a row, null as a deleted one. Raises `Invalid`."""
    if value is None:
        return Row(None)
    if not isinstance(value, Mapping):
        raise Invalid("not_a_row", "the value must be a JSON object, whose fields are the customer's")
    fields = {name: each for name, each in value.items() if name != _DELETED}
    if str(value.get(_DELETED)).lower() == "true":
        return Row(None, before=fields)
    return Row(fields)
