"""The query parameter `fields`: which fields of a customer a request asks for, of those that its account has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from api.http.access import Reader
from api.http.parameters import TEXT_PATTERN
from domain.formats.fields import (
    CHANGE_FIELDS,
    CUSTOMER_FIELDS,
    MEMBER_FIELDS,
    OF_CUSTOMER,
    OF_MEMBER,
    OF_RECIPIENT,
    RECIPIENT_FIELDS,
    Fields,
    parse_change_fields,
    parse_fields,
)
from projections.read import accounts

POINTER = "/query/fields"
FieldsText = Annotated[
    str | None,
    Query(
        max_length=4_000,
        pattern=TEXT_PATTERN,
        description="Fields of the customer, separated by commas; an attribute is `attributes.<key>`.",
        examples=["external_id,phone,name,attributes.plan"],
    ),
]
# Returns the fields of a request, given a session that sees its account. Raises `Invalid` for one that there is not.
Chosen = Callable[[Any], Fields]


def _of(all_fields: Fields, parse: Callable[[str, list[str]], Fields]) -> Callable[..., Any]:
    async def chosen(who: Reader, fields: FieldsText = None) -> Chosen:
        def read(connection: Any) -> Fields:
            return all_fields if fields is None else parse(fields, _keys(connection, who.account_id))

        return read

    return chosen


def _keys(connection: Any, account_id: UUID) -> list[str]:
    return [row.key for row in accounts.attributes(connection, account_id)]


CustomerFields = Annotated[
    Chosen, Depends(_of(CUSTOMER_FIELDS, lambda text, keys: parse_fields(text, OF_CUSTOMER, keys, POINTER)))
]
MemberFields = Annotated[
    Chosen, Depends(_of(MEMBER_FIELDS, lambda text, keys: parse_fields(text, OF_MEMBER, keys, POINTER)))
]
RecipientFields = Annotated[
    Chosen, Depends(_of(RECIPIENT_FIELDS, lambda text, keys: parse_fields(text, OF_RECIPIENT, keys, POINTER)))
]
ChangeFields = Annotated[
    Chosen, Depends(_of(CHANGE_FIELDS, lambda text, keys: parse_change_fields(text, keys, POINTER)))
]
