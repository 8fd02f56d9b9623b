"""A customer as a line of a list, with values as people read them. Used by every page that lists customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.customer import BUILT_IN
from domain.filters.wording import Words
from projections.read.customers import CustomerRow


class CustomerLine(NamedTuple):
    """What a list shows of a customer; `joined_at` is `None` in a list that is not of members."""

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
    def display_name(self) -> str:
        """The name, or else the best that is known."""
        return self.name or self.phone or self.external_id or "a customer without a name"


def customer_line(
    row: CustomerRow, words: Words, joined_at: datetime | None = None, first: Sequence[str] = ()
) -> CustomerLine:
    """Returns a customer as a line, in the account's words; of the attributes, the keys `first` come first."""
    values = row.values
    places = {key: place for place, key in enumerate(first)}
    keys = values.keys() - BUILT_IN.keys()
    own = sorted(keys, key=lambda key: (places.get(key, len(places)), words.label(key).casefold()))
    return CustomerLine(
        row.customer_no,
        row.customer_id,
        values.get("name"),
        values.get("phone"),
        values.get("external_id"),
        values.get("opted_out") is True,
        list(values.get("tags", ())),
        [(words.label(key), words.value(key, values[key])) for key in own],
        joined_at,
    )
