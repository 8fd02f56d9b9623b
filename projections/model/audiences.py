"""Frozen audiences: a campaign's recipients at a log position, the same for ever. Used by the worker.

Recipients are copied chunk by chunk between event batches, each as of the audience's position: a chunk takes only
customers whose last event precedes it, and whoever is touched before her chunk came is copied first. What it
came to is then put into the log, and only then the audience may be read. So a replay gives the same audience also
after a person was erased, whose values are in the log no more: the counts, and whom she had passed over, come
from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from domain.stored_events import AudienceCounted, AudienceFrozen, Event
from projections.model.account_state import AccountState, Freezing
from projections.model.announcer import Announcer
from projections.model.union import Union
from projections.postgres.database import beside

SQL = beside(__file__)
EVERYBODY = 2**40


def apply(connection: Connection[Any], account: AccountState, event: Event, position: int, at: int) -> None:
    """Bring an event into the audiences' rows."""
    match event:
        case AudienceFrozen():
            _freeze(connection, account, event, position, at)
        case AudienceCounted():
            if event.originator_id in account.freezing:
                finish(connection, account)
            fields = {
                "audience_id": event.originator_id, "recipients": event.count, "opted_out": event.opted_out,
                "no_phone": event.no_phone, "excluded": event.excluded, "duplicate_phone": len(event.passed_over),
                "passed_over": event.passed_over,
            }  # fmt: skip
            connection.execute(SQL.pass_over, fields)
            connection.execute(SQL.counted, fields)


def _freeze(connection: Connection[Any], account: AccountState, event: AudienceFrozen, position: int, at: int) -> None:
    """Begin an audience; none where a deletion came first, which the command could not see."""
    lists = connection.execute(SQL.lists, {"campaign_id": event.campaign_id}).fetchone()
    union = _union(account, *lists) if lists is not None else None
    if union is None or not union.included:
        return
    fields: dict[str, Any] = {
        "account_id": account.account_id, "audience_no": position, "audience_id": event.originator_id,
        "campaign_id": event.campaign_id, "at": at, "included": union.included, "left_out": union.left_out,
    }  # fmt: skip
    connection.execute(SQL.create, fields)
    account.freezing[event.originator_id] = Freezing(position, union.included, union.left_out)


def copy_chunk(connection: Connection[Any], account: AccountState, size: int) -> None:
    """Copy about `size` members, or all that are left, into each audience of the account that is being frozen."""
    for audience_id, freezing in list(account.freezing.items()):
        most = max(1, size // len(freezing.included))
        terms = {"included": freezing.included, "copied_to": freezing.copied_to, "audience_no": freezing.audience_no}
        row = None if size == EVERYBODY else connection.execute(SQL.chunk_end, terms | {"most": most}).fetchone()
        last = row[0] if row else None
        connection.execute(SQL.plan_for, {"ranges": "on"})
        _copy(
            connection, account, freezing, SQL.whom_chunk, complete=last is None, after=freezing.copied_to,
            last=freezing.audience_no if last is None else last,
        )  # fmt: skip
        connection.execute(SQL.plan_for, {"ranges": "off"})
        if last is None:
            del account.freezing[audience_id]
        else:
            freezing.copied_to = last


def finish(connection: Connection[Any], account: AccountState) -> None:
    """Copy all that is left for every audience of the account that is being frozen."""
    while account.freezing:
        copy_chunk(connection, account, EVERYBODY)


def settle(connection: Connection[Any], accounts: Iterable[AccountState]) -> None:
    """Copy whoever is about to be touched, before anything of that is written."""
    for account in accounts:
        for freezing in account.freezing.values():
            if freezing.touched:
                _copy(connection, account, freezing, SQL.whom_touched, touched=sorted(freezing.touched))
                freezing.touched = set()


def _copy(
    connection: Connection[Any], account: AccountState, freezing: Freezing, whom: str, *, complete: bool = False,
    **terms: Any,
) -> None:  # fmt: skip
    fields = {
        "account_id": account.account_id, "audience_no": freezing.audience_no, "included": freezing.included,
        "left_out": freezing.left_out, "complete": complete, "copied_to": terms.get("last", freezing.copied_to),
    }  # fmt: skip
    of = {f"whom_{name}": sql.SQL(whom).format(of=sql.Identifier(name)) for name in "mcx"}
    connection.execute(sql.SQL(SQL.copy).format(**of), fields | terms)


def _union(
    account: AccountState, segment_ids: list[UUID], exclude_segment_ids: list[UUID], lost_excluded: int
) -> Union | None:
    """The versions served now; `None` where nobody may be in it: too much was lost, or is not computed yet."""
    segments = [account.segments[each].serving for each in segment_ids]
    excluded = [account.segments[each].serving for each in exclude_segment_ids]
    included, left_out = [each for each in segments if each], [each for each in excluded if each]
    if lost_excluded or len(left_out) < len(excluded) or len(included) < len(segments):
        return None
    return Union(account.account_id, included, left_out)


def erase(connection: Connection[Any], account_ids: Sequence[UUID], customer_nos: Sequence[int]) -> None:
    """Take erased persons out of every audience, which tells how many."""
    connection.execute(SQL.erase, [list(account_ids), list(customer_nos)], binary=True)


def announce(connection: Connection[Any], announcer: Announcer) -> bool:
    """Put into the log what each audience came to that the log does not count yet; whether there were any."""
    with connection.transaction():
        found = connection.execute(SQL.uncounted).fetchall()
        connection.execute(SQL.plan_for, {"ranges": "on"})
        passed_over = [
            [number for (number,) in connection.execute(SQL.passed_over, {"audience_no": row[2]})] for row in found
        ]
    for (account_id, audience_id, _, opted_out, no_phone, excluded, copied), numbers in zip(
        found, passed_over, strict=True
    ):
        counts = {
            "count": copied - len(numbers), "opted_out": opted_out, "no_phone": no_phone, "excluded": excluded
        }  # fmt: skip
        announcer.record_audience_counted(account_id, audience_id, counts, numbers)
    return bool(found)
