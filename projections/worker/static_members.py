"""Customers added to static segments and removed from them, and what that flips in filters on static segments.

Handlers of a run (`projections.worker.handlers`). A customer's folded values hold the static segments they are in as
a list, so that a condition on `segment` reads it like any other list, in memory and in SQL. A customer or segment that
does not exist any more is left unchanged.
"""

from __future__ import annotations

from uuid import UUID

from domain.filters.nesting import SEGMENT
from domain.stored_events import StaticMembersAdded, StaticMembersRemoved
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model.account_state import AccountState
from projections.model.customers import ProjectedCustomer
from projections.model.membership import Cause
from projections.worker.customer_run import CustomerRun


def add(run: CustomerRun, event: StaticMembersAdded, position: int, at: int) -> None:
    """Add customers to a static segment, and flip what depends on it."""
    _move(run, event, position, at, adding=True, cause=event.cause)


def remove(run: CustomerRun, event: StaticMembersRemoved, position: int, at: int) -> None:
    """Remove customers from a static segment, and flip what depends on it."""
    _move(run, event, position, at, adding=False, cause="manual")


def serving_versions(account: AccountState, customer: ProjectedCustomer) -> list[int]:
    """The served versions of the static segments that a customer is in."""
    segments = (account.segments.get(UUID(each)) for each in _lists(customer))
    return [segment.serving for segment in segments if segment is not None and segment.serving is not None]


def _move(
    run: CustomerRun,
    event: StaticMembersAdded | StaticMembersRemoved,
    position: int,
    at: int,
    *,
    adding: bool,
    cause: Cause,
) -> None:
    account = run.account_at(event, at)
    segment = account.segments.get(event.segment_id)
    if segment is None or segment.serving is None:
        return
    name, versions = str(segment.segment_id), [segment.serving]
    own = Flips(versions, []) if adding else Flips([], versions)
    for customer_id in event.customer_ids:
        customer = run.customers.by_id.get(customer_id)
        if customer is None or (name in _lists(customer)) == adding:
            continue
        run.evaluate_before_change(account, customer, position, at)
        dependent = _set_list(account, customer, name, adding=adding)
        # Time has passed for the customer up to here, and continues from here.
        customer.position, customer.updated_at = position, at
        run.members.add(account.account_id, customer.customer_no, own, position, at, cause)
        run.members.add(account.account_id, customer.customer_no, dependent, position, at, "segment")


def _set_list(account: AccountState, customer: ProjectedCustomer, name: str, *, adding: bool) -> Flips:
    """Add one segment to the customer's list or remove it. Returns what that flips in other segments."""
    before = {*_lists(customer)}
    after: Value | None = tuple(sorted(before | {name} if adding else before - {name})) or None
    flips = account.index.change(customer.matchable, {SEGMENT: after})
    customer.values_changed = True
    if after is None:
        del customer.folded[SEGMENT]
    else:
        customer.folded[SEGMENT] = after
    return flips


def _lists(customer: ProjectedCustomer) -> tuple[str, ...]:
    lists: tuple[str, ...] = customer.folded.get(SEGMENT, ())
    return lists
