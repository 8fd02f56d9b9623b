"""A customer as a line of a list: her values as people read them. Used by every page of the console with customers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from api.console.rendering import Rendered, when
from domain.customer import BUILT_IN
from domain.values import AttributeType
from domain.wording import day
from projections.read.accounts import AttributeRow
from projections.read.customers import CustomerRow


class Line(NamedTuple):
    """A customer with what a list shows of her; `joined_at` is `None` where it is no list of members."""

    customer_no: int
    id: UUID
    name: str | None
    phone: str | None
    external_id: str | None
    opted_out: bool
    tags: list[str]
    attributes: list[tuple[str, Rendered]]
    joined_at: datetime | None

    @property
    def called(self) -> str:
        """What to call her: her name, or else the best that is known."""
        return self.name or self.phone or self.external_id or "a customer without a name"


class Shown(NamedTuple):
    """How an account's attributes are shown: their labels and types, and the zone of its instants."""

    labels: Mapping[str, str]
    types: Mapping[str, AttributeType]
    zone: ZoneInfo


def shown_as(attributes: list[AttributeRow], zone: ZoneInfo) -> Shown:
    """How to show the values of an account's attributes."""
    labels = {row.key: row.label or plain_label(row.key) for row in attributes}
    return Shown(labels, {row.key: row.type for row in attributes}, zone)


def plain_label(key: str) -> str:
    """The label of an attribute that was given none: premium_customer -> Premium customer."""
    return key.replace("_", " ").capitalize()


def line_of(row: CustomerRow, shown: Shown, joined_at: datetime | None = None) -> Line:
    """A customer as a line."""
    values = row.values
    own = [
        (shown.labels.get(key) or plain_label(key), readable(value, shown.types.get(key, "text"), shown.zone))
        for key, value in values.items()
        if key not in BUILT_IN
    ]
    return Line(
        row.customer_no, row.customer_id, values.get("name"), values.get("phone"), values.get("external_id"),
        values.get("opted_out") is True, list(values.get("tags", ())), sorted(own, key=lambda each: each[0].casefold()),
        joined_at,
    )  # fmt: skip


def readable(value: Any, kind: AttributeType, zone: ZoneInfo) -> Rendered:
    """A value in normal form as people read it."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case Decimal():
            return format(value, "f")
        case list() | tuple():
            return ", ".join(value)
        case str() if kind == "date":
            return day(date.fromisoformat(value))
        case str() if kind == "datetime":
            return _instant(value, zone)
    return str(value)


def _instant(value: str, zone: ZoneInfo) -> Rendered:
    try:
        return when(datetime.fromisoformat(value), zone)
    except OverflowError:
        return value  # within a day of the calendar's ends there is no such local time
