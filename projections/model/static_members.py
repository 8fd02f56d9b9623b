"""Members of static segments in the read model, as the log tells them, and what that makes other segments' filters.

Used by the worker, within a run of customers' events. A customer's row holds the static segments she is in as a
list beside her folded values, so that a condition on `segment` reads it as it reads any other list, in memory
and in SQL. Whoever is not there any more, as customer or as segment, is let be.
"""

from __future__ import annotations

from uuid import UUID

from domain.filters.nesting import SEGMENT
from domain.stored_events import StaticMembersAdded, StaticMembersRemoved
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model import segments, time_flips
from projections.model.account_state import AccountState
from projections.model.customers import CustomerRow, CustomerRows
from projections.model.membership import MembershipBatch


def move(
    account: AccountState, customers: CustomerRows, event: StaticMembersAdded | StaticMembersRemoved,
    position: int, at: int, batch: MembershipBatch,
) -> None:  # fmt: skip
    """Bring customers into a static segment, or out of it, and flip whatever depends on that."""
    segment = account.segments.get(event.segment_id)
    if segment is None or segment.serving is None:
        return
    account.be_at(at)
    adding = isinstance(event, StaticMembersAdded)
    name, listed = str(segment.segment_id), [segment.serving]
    own = Flips(listed, []) if adding else Flips([], listed)
    cause = event.cause if isinstance(event, StaticMembersAdded) else "manual"
    for customer_id in event.customer_ids:
        row = customers.rows.get(customer_id)
        before = () if row is None else _lists(row)
        if row is None or (name in before) == adding:
            continue
        segments.settle_before(account, row, batch)
        time_flips.advance(account, row, at, position, batch)
        after = sorted({*before, name} if adding else {*before} - {name})
        value: Value | None = tuple(after) or None
        flips = account.index.change(row.matchable, {SEGMENT: value})
        if value is None:
            del row.folded[SEGMENT]
        else:
            row.folded[SEGMENT] = value
        # Time went on for her up to here: the next time it does, it goes on from here.
        row.position, row.updated_at = position, at
        batch.flip(account.account_id, row.customer_no, own, position, at, cause)
        if flips.joined or flips.left:
            batch.flip(account.account_id, row.customer_no, flips, position, at, "segment")


def versions_of(account: AccountState, row: CustomerRow) -> list[int]:
    """The versions that serve the static segments a customer is in."""
    found = (account.segments.get(UUID(each)) for each in _lists(row))
    return [segment.serving for segment in found if segment is not None and segment.serving is not None]


def _lists(row: CustomerRow) -> tuple[str, ...]:
    lists: tuple[str, ...] = row.folded.get(SEGMENT, ())
    return lists
