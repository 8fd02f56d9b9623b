"""Frozen audiences: a campaign's recipients at a log position, the same for ever. Used by the worker.

The event freezes what the rows are at its position; what that came to is then put into the log, and only
then the audience may be read. So a replay gives the same audience also after a person was erased, whose
values are in the log no more: the counts, and whom she had passed over, come from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.stored_events import AudienceCounted, AudienceFrozen, Event
from projections.account_state import AccountState
from projections.announcer import Announcer
from projections.database import beside
from projections.union import Union

SQL = beside(__file__)


def apply(connection: Connection[Any], account: AccountState, event: Event, position: int, at: int) -> None:
    """Bring an event into the audiences' rows."""
    match event:
        case AudienceFrozen():
            _freeze(connection, account, event, position, at)
        case AudienceCounted():
            fields = {
                "audience_id": event.originator_id, "recipients": event.count, "opted_out": event.opted_out,
                "no_phone": event.no_phone, "excluded": event.excluded, "duplicate_phone": len(event.passed_over),
                "passed_over": event.passed_over,
            }  # fmt: skip
            connection.execute(SQL.pass_over, fields)
            connection.execute(SQL.counted, fields)


def _freeze(connection: Connection[Any], account: AccountState, event: AudienceFrozen, position: int, at: int) -> None:
    fields: dict[str, Any] = {
        "account_id": account.account_id, "audience_no": position, "audience_id": event.originator_id,
        "campaign_id": event.campaign_id, "at": at,
    }  # fmt: skip
    connection.execute(SQL.create, fields)
    lists = connection.execute(SQL.lists, {"campaign_id": event.campaign_id}).fetchone()
    union = _union(account, *lists) if lists is not None else None
    if union is not None:
        connection.execute(SQL.plan_for, {"whole_tables": "on"})
        connection.execute(SQL.freeze, fields | union._asdict())
        connection.execute(SQL.count, fields | union._asdict())
        connection.execute(SQL.plan_for, {"whole_tables": "off"})


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
        passed_over = [
            [number for (number,) in connection.execute(SQL.passed_over, {"audience_no": row[2]})] for row in found
        ]
    for row, numbers in zip(found, passed_over, strict=True):
        counts = dict(zip(("count", "opted_out", "no_phone", "excluded"), row[3:], strict=True))
        announcer.record_audience_counted(row[0], row[1], counts, numbers)
    return bool(found)
