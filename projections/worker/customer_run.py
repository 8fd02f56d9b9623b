"""A run: customers' events that follow one another in the log, brought into the read model together.

The customers of a run are loaded with one statement and written with one for each kind of row. Between the two, its
events are handled in memory, and each finds every customer as the events before it left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.stored_events import Event, StaticMembersAdded, StaticMembersRemoved
from projections.model import audiences, segments, time_flips
from projections.model.account_state import AccountState
from projections.model.customers import CustomerBatch, ProjectedCustomer
from projections.model.membership import MembershipBatch
from projections.model.read_model import ReadModel
from projections.postgres.row_writes import RowWrites
from projections.worker import erasure


@dataclass(slots=True)
class CustomerRun:
    """The customers that a run touches, the flips that it causes, and the customers that it erases."""

    model: ReadModel
    members: MembershipBatch
    customers: CustomerBatch = field(default_factory=CustomerBatch)
    erased: list[ProjectedCustomer] = field(default_factory=list)

    def load(self, events: Iterable[Event], unwritten: CustomerBatch | None) -> None:
        """Load the customers that these events touch, as far as they exist once `unwritten` is written."""
        customer_ids = {each for event in events for each in _customer_ids(event)}
        self.customers.load(self.model.reading, customer_ids, unwritten)

    def account_at(self, event: Event, at: int) -> AccountState:
        """The account of an event, whose index answers as of the event's instant from here on."""
        account = self.model.account_of(event)
        account.set_time(at)
        return account

    def evaluate_before_change(
        self, account: AccountState, customer: ProjectedCustomer, position: int, at: int
    ) -> None:
        """Before an event changes a customer: bring them up to the instant of the event, as they still are.

        They are noted for the audiences, and evaluated for the builds, whose next chunk would find them changed; then
        time passes for them.
        """
        audiences.note_touched(account, customer)
        segments.evaluate_before_change(account, customer, self.members)
        time_flips.advance(account, customer, at, position, self.members)

    def writes(self) -> RowWrites:
        """What is to be written of customers, members and history."""
        writes = RowWrites()
        audiences.copy_touched(writes, self.model.accounts.values())
        self.customers.write(writes)
        self.members.write(writes)
        erasure.forget(writes, self.erased)
        return writes


def _customer_ids(event: Event) -> Sequence[UUID]:
    return event.customer_ids if isinstance(event, StaticMembersAdded | StaticMembersRemoved) else [event.originator_id]
