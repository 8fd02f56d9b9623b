"""Frozen audiences: a campaign's recipients as of a log position, kept permanently.

Used by the worker within its transaction. Recipients are copied chunk by chunk between event batches, each as of the
audience's position: a customer touched by an event before their chunk is copied first, and their chunk passes over
them. Nearly all are recipients already then. The others share their number, or it is suppressed: when the copy is
complete it is decided for each such number, over all customers who had it, whether it is reached. The live worker
appends the result as `AudienceCounted`, and only then may the audience be read. A replay takes the counts, and who was
passed over, from that event: so it gives the same audience even when the values of an erased customer are gone from the
log.

An audience holds the numbers of its recipients, in blocks of bits. What they had at its position is their row in
`reach`, or what was kept of it when an event replaced it later (`projections.model.reach`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from domain.stored_events import AudienceCounted, AudienceFrozen
from projections.model.account_state import AccountState, Freezing
from projections.model.audience_spec import AudienceSpec
from projections.model.customers import ProjectedCustomer
from projections.model.read_model import ReadModel
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
REMOVE_PASSED_OVER, ERASE = (
    sql.SQL(statement).format(taken=sql.SQL(SQL.taken).format(customers=sql.SQL(customers), chosen=sql.SQL(chosen)))
    for statement, customers, chosen in (
        (SQL.remove_passed_over, SQL.passed_over, SQL.is_audience),
        (SQL.erase, SQL.erased, "true"),
    )
)
# Why a copied customer is passed over, as `audiences.sql` numbers it.
EXCLUDED, OPTED_OUT, DUPLICATE = 1, 2, 3


class UncountedAudience(NamedTuple):
    """A copied audience without `AudienceCounted`: its counts, and the numbers of those passed over."""

    account_id: UUID
    audience_id: UUID
    counts: dict[str, int]
    passed_over: list[int]


def freeze(model: ReadModel, event: AudienceFrozen, position: int, at: int) -> None:
    """Begin an audience; none where a segment was deleted first, which the command could not see."""
    account = model.account_of(event)
    spec = _audience_spec(model.connection, account, event.campaign_id)
    if spec is None or not spec.included:
        return
    fields = {
        "account_id": account.account_id,
        "audience_no": position,
        "audience_id": event.originator_id,
        "campaign_id": event.campaign_id,
        "at": at,
        "included": spec.included,
        "left_out": spec.left_out,
    }
    model.connection.execute(SQL.create, fields)
    account.freezing[event.originator_id] = Freezing(position, spec.included, spec.left_out)


def record_counts(model: ReadModel, event: AudienceCounted, _position: int, _at: int) -> None:
    """Complete an audience with the counts in the log, and remove the customers that it passed over."""
    account = model.account_of(event)
    if event.originator_id in account.freezing:
        copy_rest(model.connection, account)
    fields = {
        "audience_id": event.originator_id,
        "recipients": event.count,
        "opted_out": event.opted_out,
        "no_phone": event.no_phone,
        "excluded": event.excluded,
        "duplicate_phone": event.duplicate_phone,
        "passed_over": event.passed_over,
    }
    model.connection.execute(REMOVE_PASSED_OVER, fields)
    model.connection.execute(SQL.forget_set_aside, fields)
    model.connection.execute(SQL.record_counts, fields)


def copy_chunk(connection: Connection[Any], account: AccountState, size: int) -> None:
    """Copy about `size` customers into each audience of the account that is being copied."""
    for audience_id, freezing in list(account.freezing.items()):
        versions = [*freezing.included, *freezing.left_out]
        terms = {
            "account_id": account.account_id,
            "versions": versions,
            "copied_to": freezing.copied_to,
            "audience_no": freezing.audience_no,
            # The customers who opted out are one more source.
            "most": max(1, size // (len(versions) + 1)),
        }
        row = connection.execute(SQL.chunk_end, terms).fetchone()
        _copy_up_to(connection, account, audience_id, row[0] if row else None)


def copy_rest(connection: Connection[Any], account: AccountState) -> None:
    """Copy all that is left into each audience of the account that is being copied."""
    for audience_id in list(account.freezing):
        _copy_up_to(connection, account, audience_id, None)


def note_touched(account: AccountState, customer: ProjectedCustomer) -> None:
    """Before an event changes a customer: note them for each audience whose copy has not reached them."""
    if customer.fresh:
        return
    for freezing in account.freezing.values():
        is_ahead = freezing.copied_to < customer.customer_no < freezing.audience_no
        if is_ahead and customer.position <= freezing.audience_no:
            freezing.touched.add(customer.customer_no)


def copy_touched(writes: RowWrites, accounts: Iterable[AccountState]) -> None:
    """Add what copies the customers that were noted, before anything is written of what changed them."""
    for account in accounts:
        for freezing in account.freezing.values():
            if freezing.touched:
                chosen = {"touched": sorted(freezing.touched), "copied_to": freezing.copied_to, "complete": False}
                writes.add(*_copy(account, freezing, SQL.is_touched, chosen), binary=False)
                terms = {"account_id": account.account_id, "audience_no": freezing.audience_no}
                writes.add(SQL.note_touched, terms | chosen, binary=False)
                freezing.touched = set()


def uncounted(connection: Connection[Any], account_ids: Sequence[UUID]) -> list[UncountedAudience]:
    """Every copied audience of some accounts whose counts are not in the log, oldest first."""
    audiences = []
    with connection.transaction():
        connection.execute(SQL.plan_for, {"ranges": "on"})
        rows = connection.execute(SQL.uncounted, [list(account_ids)]).fetchall()
        for account_id, audience_id, audience_no, opted_out, no_phone, excluded, copied in rows:
            terms = {"account_id": account_id, "audience_no": audience_no}
            set_aside = connection.execute(SQL.set_aside, terms).fetchall()
            members = Counter({reason: count for reason, count, _ in set_aside})
            passed_over = sorted(number for _, _, numbers in set_aside for number in numbers)
            counts = {
                "count": copied - len(passed_over),
                "opted_out": opted_out + members[OPTED_OUT],
                "no_phone": no_phone,
                "excluded": excluded + members[EXCLUDED],
                "duplicate_phone": members[DUPLICATE],
            }
            audiences.append(UncountedAudience(account_id, audience_id, counts, passed_over))
    return audiences


def erase(writes: RowWrites, account_ids: Sequence[UUID], customer_nos: Sequence[int]) -> None:
    """Add what removes erased customers, and what they had, from every audience, each of which counts them."""
    for statement in (ERASE, sql.SQL(SQL.erase_before).format()):
        writes.add(statement, [list(account_ids), list(customer_nos)], shared=True)


def _audience_spec(connection: Connection[Any], account: AccountState, campaign_id: UUID) -> AudienceSpec | None:
    """The versions served now; `None` where the audience is empty: too much was lost, or is not computed yet."""
    lists = connection.execute(SQL.lists, {"campaign_id": campaign_id}).fetchone()
    if lists is None:
        return None
    segment_ids, exclude_segment_ids, lost_excluded = lists
    included = [account.segments[each].serving for each in segment_ids]
    left_out = [account.segments[each].serving for each in exclude_segment_ids]
    if lost_excluded or None in included or None in left_out:
        return None
    return AudienceSpec(account.account_id, [each for each in included if each], [each for each in left_out if each])


def _copy_up_to(connection: Connection[Any], account: AccountState, audience_id: UUID, last: int | None) -> None:
    """Copy the members up to customer number `last`; `None` copies all that are left, and completes the audience."""
    freezing = account.freezing[audience_id]
    end = freezing.audience_no if last is None else last
    chosen = {"after": freezing.copied_to, "last": end, "copied_to": end, "complete": last is None}
    connection.execute(SQL.plan_for, {"ranges": "on"})
    connection.execute(*_copy(account, freezing, SQL.is_in_chunk, chosen, and_also=SQL.is_not_touched))
    connection.execute(SQL.plan_for, {"ranges": "off"})
    freezing.copied_to = end
    if last is None:
        del account.freezing[audience_id]
        account.has_uncounted_audience = True


def _copy(
    account: AccountState, freezing: Freezing, is_chosen: str, chosen: dict[str, Any], *, and_also: str = "true"
) -> tuple[sql.Composed, dict[str, Any]]:
    """The statement that copies the chosen customers into an audience, and its parameters."""
    fields = {
        "account_id": account.account_id,
        "audience_no": freezing.audience_no,
        "included": freezing.included,
        "left_out": freezing.left_out,
    }
    predicates = {f"chosen_{table}": sql.SQL(is_chosen).format(table=sql.Identifier(table)) for table in "mxoc"}
    return sql.SQL(SQL.copy).format(**predicates, and_also=sql.SQL(and_also)), fields | chosen
