"""An account with customers, attributes of every type, a static and a dynamic segment, and its console."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from httpx import Client, Response

from domain.commands.customer_state import Customer
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from domain.values import AttributeType
from tests.support.console.forms import fields_of, said
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
TYPES: dict[str, AttributeType] = {
    "plan": "text",
    "score": "number",
    "active": "boolean",
    "born": "date",
    "last_order": "datetime",
    "likes": "list",
}
EVERYTHING: dict[str, Any] = {
    "plan": "gold",
    "score": Decimal("12345678901234567890.123456789"),
    "active": True,
    "born": "1990-05-20",
    "last_order": "2026-07-01T10:00:00.123456Z",
    "likes": ["tea", "coffee, black"],
}


class Shop:
    """An account with a static and a dynamic segment, and its console."""

    def __init__(self, installation: Installation, account_id: UUID, console: Client) -> None:
        self.installation, self.account_id, self.console = installation, account_id, console
        create = installation.rollcall.segments.create
        self.by_hand = create(account_id, SegmentDraft("By hand", "", "static", None)).id
        gold = create(account_id, SegmentDraft("Gold", "", "dynamic", GOLD))
        self.gold = gold.id
        installation.computed(account_id, gold)

    def customer(self, external_id: str, **data: Any) -> UUID:
        change = CustomerChange(external_id, "changed", self.installation.now(), CustomerData(**data))
        (outcome,) = self.installation.rollcall.customers.change(self.account_id, [change]).outcomes
        assert not outcome.errors
        return outcome.customer_id

    def put_in(self, *customers: UUID) -> None:
        self.installation.rollcall.members.add(self.account_id, self.by_hand, customers)

    def page(self, address: str) -> str:
        """Returns a page once it shows everything that is in the log."""
        self.installation.catch_up()
        answer = self.console.get(f"/console/{address}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def stored(self, customer: UUID) -> Customer:
        """Returns a customer's state in the log."""
        states = self.installation.rollcall.log.store.customer_states(self.account_id, [customer])
        return states[customer].to_customer()

    def values(self, customer: UUID) -> dict[str, Any]:
        return self.stored(customer).values

    def edit(self, customer: UUID, **typed: str) -> Response:
        """Opens Edit Customer, types, saves."""
        address = f"customers/{customer}/edit?from=/console/segments/{self.gold}/customers"
        fields = fields_of(self.page(address))
        for name in [name for name, text in typed.items() if name == "opted_out" and not text]:
            fields.pop(name, None)
            typed.pop(name)
        return self.console.post(f"/console/{address}", data={**fields, **typed})


def names_in(page: str) -> list[str]:
    """Returns the names of the customers that a page lists."""
    return [said(found) for found in re.findall(r'<th scope="row">(?:<label[^>]*>)?(.*?)<span class="desc', page, re.S)]
