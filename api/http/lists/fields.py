"""The query parameter `fields`: which fields of a customer a request asks for, of those that its account has."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from api.http.parameters import TEXT_PATTERN
from domain.formats.fields import CHANGE_FIELDS, Fields, parse_change_fields
from projections.read import accounts

POINTER = "/query/fields"
FieldsText = Annotated[
    str | None,
    Query(
        max_length=8_000,
        pattern=TEXT_PATTERN,
        description="Fields of the customer, separated by commas, attributes as `attributes.<key>`.",
        examples=["external_id,phone,name,attributes.plan"],
    ),
]


def change_fields(connection: Any, account_id: UUID, text: str | None) -> Fields:
    """Returns the customer's fields in change records. Raises `Invalid` for a field that there is not."""
    return CHANGE_FIELDS if text is None else parse_change_fields(text, _attributes(connection, account_id), POINTER)


def _attributes(connection: Any, account_id: UUID) -> list[str]:
    return [row.key for row in accounts.attributes(connection, account_id)]
