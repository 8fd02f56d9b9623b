"""A customer as a line of a list: her values as people read them. Used by every page of the console with customers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.customer import BUILT_IN
from domain.filters.wording import Words
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
    attributes: list[tuple[str, str]]
    joined_at: datetime | None

    @property
    def called(self) -> str:
        """What to call her: her name, or else the best that is known."""
        return self.name or self.phone or self.external_id or "a customer without a name"


def line_of(row: CustomerRow, words: Words, joined_at: datetime | None = None) -> Line:
    """A customer as a line, in the account's words."""
    values = row.values
    own = [(words.label(key), words.value(key, value)) for key, value in values.items() if key not in BUILT_IN]
    return Line(
        row.customer_no, row.customer_id, values.get("name"), values.get("phone"), values.get("external_id"),
        values.get("opted_out") is True, list(values.get("tags", ())), sorted(own, key=lambda each: each[0].casefold()),
        joined_at,
    )  # fmt: skip
