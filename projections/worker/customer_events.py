"""Changes and deletions of customers: new values are set in memory, and the flip index names the segments that flip.

Handlers of a run (`projections.worker.handlers`).
"""

from __future__ import annotations

from domain.errors import Corrupt
from domain.stored_events import ActivityRecorded, CustomerChanged, CustomerDeleted
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model import time_flips
from projections.model.account_state import AccountState
from projections.model.behaviour import activities, values
from projections.model.customers import ProjectedCustomer
from projections.worker import static_members
from projections.worker.customer_run import CustomerRun


def change(run: CustomerRun, event: CustomerChanged, position: int, at: int) -> None:
    """Create a customer, or set the values that changed. Raises `Corrupt` where the customer is missing."""
    account = run.account_at(event, at)
    customer = run.customers.by_id.get(event.originator_id)
    if customer is not None:
        run.evaluate_before_change(account, customer, position, at)
        was_opted_out = customer.is_opted_out
        flips = _set_values(account, customer, event, position, at)
        run.customers.note_opt_out(customer, was_opted_out, at)
    elif event.created:
        customer = run.customers.create(event, position, at, account.types, account.days)
        account.counts.add(customer.attributes, account.types)
        time_flips.expect(account, customer.matchable, at)
        flips = Flips(account.index.members_of(customer.matchable), [])
    else:
        raise Corrupt("customer_missing", f"the change at {position} is of a customer never created")
    run.members.add(account.account_id, customer.customer_no, flips, position, at, "change")


def delete(run: CustomerRun, event: CustomerDeleted, position: int, at: int) -> None:
    """Delete a customer, who leaves every segment and is erased; one that does not exist changes nothing."""
    account = run.account_at(event, at)
    customer = run.customers.by_id.get(event.originator_id)
    if customer is None:
        return
    run.evaluate_before_change(account, customer, position, at)
    values.know(account, customer, account.questions.measures.values(), at)
    versions = [*account.index.members_of(customer.matchable), *static_members.serving_versions(account, customer)]
    run.members.add(account.account_id, customer.customer_no, Flips([], versions), position, at, "deletion")
    kinds = {key: state.measure.type for key, state in account.measures.items()}
    run.customers.delete(customer, account.types | kinds)
    account.counts.remove(customer.attributes, account.types)
    run.erased.append(customer)


def record_activity(run: CustomerRun, event: ActivityRecorded, position: int, at: int) -> None:
    """Keep what a customer did, and flip the segments that ask about it. Raises `Corrupt` where they are missing."""
    account = run.account_at(event, at)
    customer = run.customers.by_id.get(event.originator_id)
    if customer is None:
        raise Corrupt("customer_missing", f"the activity at {position} is of a customer never created")
    fact = run.known_facts.get(position)
    if fact is None:
        # What an erased customer did has neither name nor properties any more.
        fact = activities.fact_of(event, position, account.activities.get(event.activity, {}), account.days)
    run.facts.append(activities.row_of(event.account_id, customer.customer_no, fact, at))
    if event.activity not in account.measures_of:
        return
    run.evaluate_before_change(account, customer, position, at)
    changed = values.record(account, customer, fact, at)
    flips = account.index.change(customer.matchable, changed)
    time_flips.expect(account, changed, at)
    time_flips.expect_amounts(account, customer)
    customer.position, customer.updated_at = position, at
    run.members.add(account.account_id, customer.customer_no, flips, position, at, "activity")


def _set_values(
    account: AccountState, customer: ProjectedCustomer, event: CustomerChanged, position: int, at: int
) -> Flips:
    facets: dict[str, Value | None] = {}
    for key, given in event.values.items():
        value: Value | None = tuple(given) if isinstance(given, list) else given
        account.counts.change(key, account.types[key], customer.attributes.get(key), value)
        facets |= customer.set(key, account.types[key], value, account.days)
    flips = account.index.change(customer.matchable, facets)
    time_flips.expect(account, facets, at)
    customer.position, customer.version, customer.updated_at = position, event.originator_version, at
    return flips
