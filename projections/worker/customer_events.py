"""Changes and deletions of customers: new values are set in memory, and the flip index names the segments that flip.

Handlers of a run (`projections.worker.handlers`).
"""

from __future__ import annotations

from domain.errors import Corrupt
from domain.stored_events import CustomerChanged, CustomerDeleted
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model import time_flips
from projections.model.account_state import AccountState
from projections.model.customers import ProjectedCustomer
from projections.worker import static_members
from projections.worker.customer_run import CustomerRun


def change(run: CustomerRun, event: CustomerChanged, position: int, at: int) -> None:
    """Create a customer, or set the values that changed. Raises `Corrupt` where the customer is missing."""
    account = run.account_at(event, at)
    customer = run.customers.by_id.get(event.originator_id)
    if customer is not None:
        run.evaluate_before_change(account, customer, position, at)
        flips = _set_values(account, customer, event, position, at)
    elif event.created:
        customer = run.customers.create(event, position, at, account.types, account.days)
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
    versions = [*account.index.members_of(customer.matchable), *static_members.serving_versions(account, customer)]
    run.members.add(account.account_id, customer.customer_no, Flips([], versions), position, at, "deletion")
    run.customers.delete(customer, account.types)
    run.erased.append(customer)


def _set_values(
    account: AccountState, customer: ProjectedCustomer, event: CustomerChanged, position: int, at: int
) -> Flips:
    facets: dict[str, Value | None] = {}
    for key, given in event.values.items():
        value: Value | None = tuple(given) if isinstance(given, list) else given
        facets |= customer.set(key, account.types[key], value, account.days)
    flips = account.index.change(customer.matchable, facets)
    time_flips.expect(account, facets, at)
    customer.position, customer.version, customer.updated_at = position, event.originator_version, at
    return flips
