"""Retention: how long what customers did counts, and the removal of what counts no more.

An account that keeps activities for some days counts each until it is so old, in every window, to the instant: so the
rows of older ones change nothing, and the worker removes them when it has nothing else to do. A retention that is
longer than the one before restores nothing: what was too old then is removed at once. A change of it is followed by
segments and computed attributes as a change of a filter is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from domain.filters.operators import DAY
from domain.stored_events import ActivityRetentionSet
from projections.model.account_state import AccountState
from projections.model.attributes.asked import Retention
from projections.model.behaviour import computed
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)
# For clocks that differ, and an account whose time is behind: rows stay for longer than they can count.
MARGIN = 2 * DAY
# How much time lies between the beginnings of two removals.
PAUSE = DAY


def change(model: ReadModel, event: ActivityRetentionSet, position: int, at: int) -> None:
    """Count activities for another number of days from here on. An event handler."""
    account = model.account_of(event)
    before = account.retention.days
    if before is not None and (event.days is None or event.days > before):
        terms = {"account_id": account.account_id, "before": at - before * DAY}
        model.connection.execute(SQL.remove_all, terms)
    account.retention = Retention(event.days, position)
    account.filters_changed = True
    fields = {"account_id": account.account_id, "days": event.days, "since": position}
    model.connection.execute(SQL.change, fields)
    computed.define_all(model, account, position)


def purge(connection: Connection[Any], accounts: Iterable[AccountState], now: int | None, size: int) -> bool:
    """Remove what counts no more of some customers of one account, at most `size`. Returns whether it did.

    Nothing where `now` is not known: the log alone says what time it is.
    """
    if now is None:
        return False
    for account in accounts:
        removable, removal = _removable(account, now), account.removal
        if removable is None:
            continue
        if not removal.customer_no:
            if removable < removal.before + PAUSE:
                continue
            removal.before = removable
        terms = {"account_id": account.account_id, "after": removal.customer_no, "before": removal.before, "size": size}
        ((last,),) = connection.execute(SQL.remove_old, terms)
        removal.customer_no = last or 0
        return True
    return False


def _removable(account: AccountState, now: int) -> int | None:
    """The instant up to which no activity counts now or later, in no measure that is kept; `None` for none."""
    if account.retention.days is None or account.passing is not None:
        return None
    reached = min(now, account.time_passed_to) if account.measures else now
    counted = (state.measure.window.counted(reached, account.days).after for state in account.measures.values())
    return min([reached - account.retention.days * DAY, *counted]) - MARGIN
