"""The query parameter `fields`: which fields of a customer a request asks for, of those that its account has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a request asks for: called with a session that sees its account, it returns the fields.

    Raises `Invalid` for a field that there is not.
    """

    account_id: UUID
    text: str | None
    every: Fields
    parse: Callable[[str, list[str]], Fields]

    @property
    def are_all(self) -> bool:
        """Whether none were chosen."""
        return self.text is None

    def __call__(self, connection: Any) -> Fields:
        """Returns the fields."""
        return self.every if self.text is None else self.parse(self.text, _keys(connection, self.account_id))


def _of(every: Fields, parse: Callable[[str, list[str]], Fields]) -> Callable[..., Any]:
    async def chosen(who: Reader, fields: FieldsText = None) -> Chosen:
        return Chosen(who.account_id, fields, every, parse)

    return chosen


def all_of_customer(account_id: UUID) -> Chosen:
    """Returns the choice of a request that has none."""
    return Chosen(account_id, None, CUSTOMER_FIELDS, lambda text, keys: parse_fields(text, OF_CUSTOMER, keys, POINTER))


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
