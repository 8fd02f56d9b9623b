"""Webhooks as an account sees and changes them. Used by `api` under one account.

What stands here is decided in the transaction of the write: a webhook is not in the log, and no rebuild touches it.
An edit, a redelivery and a full send raise `epoch`, so that whatever a process has in hand at that moment cannot move
the webhook any more (`projections.webhooks.dispatch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.errors import NotFound, Refused, StaleVersion
from domain.texts.language import said
from domain.webhooks.signing import GRACE
from domain.webhooks.subscription import MAX_WEBHOOKS, FullSendState, Reason, State, Subscription
from projections.postgres.database import Database, beside
from projections.read.streams import changes

SQL = beside(__file__)
# More changes than this that wait are not counted.
MOST_COUNTED = 10_000


class WebhookRow(NamedTuple):
    """A webhook, without its secret."""

    webhook_id: UUID
    account_id: UUID
    subscription: Subscription
    state: State
    reason: Reason | None
    version: int
    created_at: datetime
    updated_at: datetime
    change_no: int
    full_send: FullSendState | None
    full_send_records: int
    full_send_sent: int
    attempts: int
    failing_since: datetime | None
    due_at: datetime
    last_attempt_at: datetime | None
    last_success_at: datetime | None


def row_of(columns: Sequence[Any]) -> WebhookRow:
    """Returns a webhook from the columns of the queries here: ids, the subscription's six, the rest."""
    name, url, segments, campaigns, events, fields = columns[2:8]
    subscription = Subscription(name, url, tuple(segments), tuple(campaigns), tuple(events), tuple(fields))
    return WebhookRow(columns[0], columns[1], subscription, *columns[8:])


def create(
    database: Database,
    account_id: UUID,
    webhook_id: UUID,
    subscription: Subscription,
    secret: str,
    *,
    full_send: bool,
    now: datetime,
) -> WebhookRow:
    """Store a webhook that begins with the next change, or with all present members.

    Where there is one with this id already, it stays as it is. Raises `Refused` (`too_many_webhooks`).
    """
    asked = _fields(account_id, webhook_id, subscription) | {"full_send": full_send, "now": now, "secret": secret}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.lock_account, [str(account_id)])
        existing = _find(connection, account_id, webhook_id)
        if existing is not None:
            return existing
        if count(connection, account_id) >= MAX_WEBHOOKS:
            detail = said(
                "an account has at most %(max_webhooks)s webhooks; delete one that is no longer needed",
                max_webhooks=MAX_WEBHOOKS,
            )
            raise Refused("too_many_webhooks", detail)
        connection.execute(SQL.create, asked)
        connection.execute(SQL.add_secret, asked)
        return by_id(connection, account_id, webhook_id)


def by_id(connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID) -> WebhookRow:
    """Returns the webhook with this id. Raises `NotFound`."""
    row = _find(connection, account_id, webhook_id)
    if row is None:
        raise NotFound("webhook_not_found", said("no such webhook in this account"))
    return row


def page(
    connection: Connection[TupleRow], account_id: UUID, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[WebhookRow]:
    """Returns a page of webhooks, newest first; `before` is the `(created_at, webhook_id)` of the page before."""
    created_at, webhook_id = before or (None, None)
    asked = {"account_id": account_id, "created_at": created_at, "webhook_id": webhook_id, "limit": limit}
    return [row_of(row) for row in connection.execute(SQL.page, asked)]


def count(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns how many webhooks the account has."""
    row = connection.execute(SQL.count, [account_id]).fetchone()
    return int(row[0]) if row else 0


def waiting(connection: Connection[TupleRow], row: WebhookRow, segment_ids: Sequence[UUID] | None) -> int:
    """Returns how many changes wait to be delivered, at most `MOST_COUNTED`.

    `segment_ids` are those of the subscription and of its campaigns; `None` for all of the account.
    """
    asked = {
        "account_id": row.account_id,
        "after": row.change_no,
        "segment_ids": None if segment_ids is None else list(segment_ids),
        "events": list(row.subscription.events),
        "limit": MOST_COUNTED,
    }
    found = connection.execute(SQL.waiting, asked).fetchone()
    return int(found[0]) if found else 0


def edit(
    database: Database,
    account_id: UUID,
    webhook_id: UUID,
    edits: dict[str, Any],
    *,
    expected: int | None,
    state: State | None,
    full_send: bool,
    now: datetime,
) -> WebhookRow:
    """Change what `edits` names of the subscription, the state, and whether all present members are sent again.

    A webhook that fails is tried at once. Raises `NotFound`; `StaleVersion` against `expected`; `Refused`
    (`changes_forgotten`) where a paused webhook is to go on and the changes after its position are no longer kept.
    """
    with database.transaction(account_id, read_only=False) as connection:
        row = _lock(connection, account_id, webhook_id, expected)
        if state == "active" and row.state == "paused" and not full_send:
            _require_kept(connection, row)
        subscription = row.subscription._replace(**edits)
        sends_other = _sent(subscription) != _sent(row.subscription)
        tries_now = state == "active" and row.attempts > 0
        is_paused = state == "paused" and row.state == "active"
        reason = "by_request" if is_paused else None if state == "active" else row.reason
        asked = _fields(account_id, webhook_id, subscription) | {
            "state": state or row.state,
            "reason": reason,
            # A copy of the members of other segments is of no use any more.
            "full_send": full_send or (sends_other and row.full_send is not None),
            "sends_other": sends_other,
            "now": now,
        }
        if subscription != row.subscription or asked["state"] != row.state or full_send or tries_now:
            connection.execute(SQL.edit, asked)
        return by_id(connection, account_id, webhook_id)


def delete(database: Database, account_id: UUID, webhook_id: UUID, expected: int | None) -> None:
    """Delete a webhook with its secrets and its log. Raises `NotFound`, `StaleVersion`."""
    with database.transaction(account_id, read_only=False) as connection:
        _lock(connection, account_id, webhook_id, expected)
        connection.execute(SQL.delete, [account_id, webhook_id])


def rotate(database: Database, account_id: UUID, webhook_id: UUID, secret: str, now: datetime) -> WebhookRow:
    """Make `secret` the one that signs; the one before it signs too for `GRACE`. Raises `NotFound`."""
    asked = {"account_id": account_id, "webhook_id": webhook_id, "secret": secret, "until": now + GRACE}
    with database.transaction(account_id, read_only=False) as connection:
        _lock(connection, account_id, webhook_id, None)
        connection.execute(SQL.drop_former_secrets, asked)
        connection.execute(SQL.end_present_secret, asked)
        connection.execute(SQL.add_secret, asked)
        return by_id(connection, account_id, webhook_id)


def redeliver(database: Database, account_id: UUID, webhook_id: UUID, position: int, now: datetime) -> WebhookRow:
    """Send every change at or after a log position again. Raises `NotFound`, `Refused` (`changes_forgotten`)."""
    asked = {"account_id": account_id, "webhook_id": webhook_id, "position": position, "now": now}
    with database.transaction(account_id, read_only=False) as connection:
        _lock(connection, account_id, webhook_id, None)
        if position <= changes.kept(connection).forgotten_position:
            raise Refused(
                "changes_forgotten",
                said("changes of that position are no longer kept; send all members instead: PATCH with full_send"),
            )
        connection.execute(SQL.redeliver, asked)
        return by_id(connection, account_id, webhook_id)


def ask_for_test(database: Database, account_id: UUID, webhook_id: UUID, test_id: UUID) -> WebhookRow:
    """Have a test message sent once, also by a webhook that is paused. Raises `NotFound`."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.ask_for_test, [test_id, account_id, webhook_id])
        return by_id(connection, account_id, webhook_id)


def _fields(account_id: UUID, webhook_id: UUID, subscription: Subscription) -> dict[str, Any]:
    columns = subscription._asdict().items()
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in columns}
    return {"account_id": account_id, "webhook_id": webhook_id, **lists}


def _sent(subscription: Subscription) -> Subscription:
    """Returns what decides about the content of messages: not what a webhook is called, nor where it goes."""
    return subscription._replace(name="", url="")


def _find(connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID) -> WebhookRow | None:
    row = connection.execute(SQL.by_id, [account_id, webhook_id]).fetchone()
    return row_of(row) if row else None


def _lock(connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID, expected: int | None) -> WebhookRow:
    connection.execute(SQL.lock, [account_id, webhook_id])
    row = by_id(connection, account_id, webhook_id)
    if expected is not None and row.version != expected:
        detail = said(
            "the webhook is at version %(version)s, not %(expected)s; read it again",
            version=row.version,
            expected=expected,
        )
        raise StaleVersion(detail, row.version)
    return row


def _require_kept(connection: Connection[TupleRow], row: WebhookRow) -> None:
    if row.full_send != "waiting" and row.change_no < changes.kept(connection).forgotten_to:
        raise Refused(
            "changes_forgotten",
            said(
                "changes after this webhook's position are no longer kept; to go on, send all present members: "
                "full_send"
            ),
        )
