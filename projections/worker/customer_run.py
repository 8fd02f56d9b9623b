"""A run: customers' events that follow one another in the log, brought into the read model together.

The customers of a run are loaded with one statement and written with one for each kind of row. Between the two, its
events are handled in memory, and each finds every customer as the events before it left them.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.filters.behaviour.measures import Fact
from domain.stored_events import ActivityRecorded, Event, StaticMembersAdded, StaticMembersRemoved
from projections.model import audiences, segments, time_flips
from projections.model.account_state import AccountState
from projections.model.attributes import counts as attribute_counts
from projections.model.behaviour import activities, amounts, values
from projections.model.behaviour.activities import FactRow
from projections.model.customers import CustomerBatch, ProjectedCustomer
from projections.model.membership import MembershipBatch
from projections.model.read_model import ReadModel
from projections.postgres.row_writes import RowWrites
from projections.worker import erasure
from projections.worker.shards.event_reader import TimedEvent


@dataclass(slots=True)
class CustomerRun:
    """The customers that a run touches, its flips, its facts, and the customers that it erases."""

    model: ReadModel
    members: MembershipBatch
    customers: CustomerBatch = field(default_factory=CustomerBatch)
    erased: list[ProjectedCustomer] = field(default_factory=list)
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    facts: list[FactRow] = field(default_factory=list)
    # Those that measures ask about, by the position of their event.
    known_facts: dict[int, Fact] = field(default_factory=dict)

    def load(self, events: Sequence[TimedEvent], unwritten: CustomerBatch | None) -> None:
        """Load the customers that these events touch, as far as they exist once `unwritten` is written."""
        customer_ids = {each for timed in events for each in _customer_ids(timed.event)}
        self.customers.load(self.model.reading, customer_ids, unwritten)
        touched = (self.model.accounts[each] for each in {timed.event.account_id for timed in events})
        measuring = [account for account in touched if account.measures]
        if measuring:
            carried = unwritten.by_id.keys() if unwritten is not None else ()
            for account in measuring:
                self._load_amounts(account, events, carried)

    def _load_amounts(self, account: AccountState, events: Sequence[TimedEvent], carried: Container[UUID]) -> None:
        """Load what filters ask of these customers' behaviour, and the facts that this needs up to the last event."""
        mine = [each for each in self.customers.by_id.values() if each.account_id == account.account_id]
        if not mine:
            return
        loaded = [each for each in mine if each.customer_id not in carried]
        values.load(self.model.reading, account, loaded)
        mine_at = [timed for timed in events if timed.event.account_id == account.account_id]
        last = max(timed.at for timed in mine_at)
        after = {each: amounts.needed_when_due(account, each, last) for each in mine}
        for position, at, event in mine_at:
            if isinstance(event, ActivityRecorded) and event.activity in account.measures_of:
                fact = activities.fact_of(event, position, account.activities[event.activity], account.days)
                self.known_facts[position] = fact
                customer = self.customers.by_id.get(event.originator_id)
                if customer is None or not customer.has_amounts:
                    continue
                needed = amounts.needed_by(account, fact, at, last)
                if needed is not None:
                    before = after[customer]
                    after[customer] = needed if before is None else min(before, needed)
        wanted = {customer: instant for customer, instant in after.items() if instant is not None}
        amounts.load_facts(self.model.reading, account, wanted)

    def account_at(self, event: Event, at: int) -> AccountState:
        """The account of an event, whose index answers as of the event's instant from here on."""
        account = self.accounts[event.account_id] = self.model.account_of(event)
        account.note_event(at)
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
        attribute_counts.write(writes, {account_id: each.counts for account_id, each in self.accounts.items()})
        self.members.write(writes)
        gone = [each.customer_no for each in self.erased]
        activities.write(writes, self.facts, gone)
        amounts.write(writes, self.customers.by_id.values(), self.accounts)
        amounts.remove(writes, gone)
        erasure.forget(writes, self.erased)
        return writes


def _customer_ids(event: Event) -> Sequence[UUID]:
    return event.customer_ids if isinstance(event, StaticMembersAdded | StaticMembersRemoved) else [event.originator_id]
