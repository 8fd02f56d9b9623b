"""What a webhook delivers next, and how it moves on. Used by `consumers.webhooks` under a lease of the webhook.

What is in a message is stored before it is sent, and its position moves after it was accepted: a crash in between sends
the same message again, under the same id. Messages of one webhook are sent one after the other, so that their changes
arrive in the order of the stream. Every step names its lease and `epoch`; where either has changed, it moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.formats.fields import Fields
from domain.webhooks.subscription import Reason
from projections.postgres.database import Database, beside
from projections.read import MOST_BYTES
from projections.read.streams.changes import SQL as STREAM
from projections.read.streams.changes import Change, change_of
from projections.webhooks import deliveries
from projections.webhooks.deliveries import Delivery
from projections.webhooks.leases import LEASE, Lease
from projections.webhooks.subscriptions import WebhookRow, row_of

SQL = beside(__file__)
PENDING_CHANGES, MEMBERS_OF_BLOCK = (
    sql.SQL(STREAM.shown).format(changes=sql.SQL(changes)) for changes in (SQL.pending_changes, SQL.members_of_block)
)
# Changes of one message: some tens of kilobytes, which receivers accept.
MESSAGE_SIZE = 100
# Blocks of the stream that are looked at for one message. The rest is for the next one.
BLOCKS_AT_ONCE = 1_000


class InHand(NamedTuple):
    """A webhook as the process that leases it has it: what it is sent next."""

    lease: Lease
    row: WebhookRow
    epoch: int
    pending_to: int | None
    pending_segments: list[int] | None
    test_id: UUID | None

    def message_id(self, kind: str, *numbers: int) -> str:
        """Returns the id of a message, the same however often it is sent; `numbers` say where it ends."""
        name = "-".join(str(each) for each in (kind, self.epoch, self.row.change_no, *numbers))
        return f"msg_{uuid5(self.row.webhook_id, name).hex}"


class Planned(NamedTuple):
    """The next message goes up to the change `to`, and has so many; or changes before it are gone."""

    to: int
    size: int
    forgotten: bool


class Pending(NamedTuple):
    """The changes of one message, and up to which change it goes."""

    changes: list[Change]
    to: int


class SnapshotBlock(NamedTuple):
    """The members of one message of a full send, as changes: those that are left of a block."""

    block_no: int
    members: list[Change]


def renew(database: Database, lease: Lease) -> InHand | None:
    """Renew a lease. Returns the webhook as it is now; `None` where the lease is lost. Raises `Unavailable`."""
    asked = {"webhook_id": lease.webhook_id, "lease_no": lease.lease_no, "lease": LEASE}
    with database.single() as connection:
        row = connection.execute(SQL.renew, asked).fetchone()
    return InHand(lease, row_of(row[:-4]), *row[-4:]) if row else None


def secrets_of(database: Database, webhook_id: UUID, now: datetime) -> list[str]:
    """Returns the secrets that sign, the present one first. Raises `Unavailable`."""
    with database.single() as connection:
        return [row[0] for row in connection.execute(SQL.secrets, [webhook_id, now])]


def segment_numbers(connection: Connection[TupleRow], account_id: UUID, segment_ids: Sequence[UUID]) -> list[int]:
    """Returns the numbers of segments by which the stream names them, also of deleted ones."""
    return [row[0] for row in connection.execute(SQL.segment_numbers, [account_id, list(segment_ids)])]


def plan(database: Database, hand: InHand, segment_ids: Sequence[UUID] | None) -> Planned:
    """Find the next message among the changes that wait, and store what is in it; or move past them if there is none.

    `segment_ids` are those that the webhook is for, `None` for all. Raises `Unavailable`.
    """
    row = hand.row
    with database.transaction(row.account_id, read_only=False) as connection:
        numbers = None if segment_ids is None else segment_numbers(connection, row.account_id, segment_ids)
        asked = {
            "account_id": row.account_id,
            "after": row.change_no,
            "segments": numbers,
            "events": list(row.subscription.events),
            "limit": MESSAGE_SIZE,
            "blocks": BLOCKS_AT_ONCE,
        }
        found = connection.execute(SQL.plan, asked).fetchone()
        assert found is not None
        planned = Planned(*found)
        if not planned.forgotten:
            pending = {"to": planned.to, "segments": numbers, "any": planned.size > 0}
            connection.execute(SQL.store_plan, _fence(hand) | pending)
    return planned


def pending_changes(connection: Connection[TupleRow], hand: InHand) -> Pending:
    """Returns the changes of the message that is being delivered, oldest first; fewer where customers are large."""
    assert hand.pending_to is not None
    asked = {
        "account_id": hand.row.account_id,
        "after": hand.row.change_no,
        "to": hand.pending_to,
        "segments": hand.pending_segments,
        "events": list(hand.row.subscription.events),
    }
    found, more = _read(connection, PENDING_CHANGES, hand, asked)
    return Pending(found, found[-1].change_no if more else hand.pending_to)


def begin_full_send(database: Database, hand: InHand, segment_ids: Sequence[UUID] | None) -> None:
    """Copy who is a member now; the changes after this very state follow the copy. Raises `Unavailable`."""
    asked = {"segment_ids": None if segment_ids is None else list(segment_ids), "size": MESSAGE_SIZE}
    with database.transaction(hand.row.account_id, read_only=False) as connection:
        connection.execute(SQL.await_switch)
        if connection.execute(SQL.hold, _fence(hand)).rowcount == 0:
            return
        connection.execute(SQL.drop_snapshot, [hand.row.webhook_id])
        connection.execute(SQL.begin_full_send, _fence(hand) | asked)


def next_block(connection: Connection[TupleRow], hand: InHand) -> SnapshotBlock | None:
    """Returns the next message of a full send, smaller where customers are large; `None` at its end."""
    found = connection.execute(SQL.next_block, [hand.row.webhook_id]).fetchone()
    if found is None:
        return None
    asked = {"webhook_id": hand.row.webhook_id, "block_no": found[0]}
    members, _ = _read(connection, MEMBERS_OF_BLOCK, hand, asked)
    # What follows them is after the change at which they were members.
    return SnapshotBlock(found[0], [each._replace(change_no=hand.row.change_no) for each in members])


def end_full_send(database: Database, hand: InHand) -> None:
    """Go on with the changes after the copy. Raises `Unavailable`."""
    with database.single() as connection:
        connection.execute(SQL.end_full_send, _fence(hand))


def accepted(
    database: Database, hand: InHand, delivery: Delivery, *, slow: bool, to: int | None, block_no: int | None
) -> None:
    """Log an attempt that was accepted and move the webhook on: to a change, or past members of a block.

    Raises `Unavailable`: the message is sent again then.
    """
    with database.transaction(hand.row.account_id, read_only=False) as connection:
        deliveries.add(connection, hand.row.account_id, hand.row.webhook_id, delivery)
        if delivery.kind == "test":
            connection.execute(SQL.test_is_done, [hand.row.webhook_id, hand.test_id])
            return
        moved = {"to": to, "slow": slow, "now": delivery.at}
        done = connection.execute(SQL.accepted, _fence(hand) | moved | {"records": delivery.records}).rowcount
        if done and block_no is not None:
            sent = {"webhook_id": hand.row.webhook_id, "block_no": block_no, "count": delivery.records}
            connection.execute(SQL.drop_block, sent)
            connection.execute(SQL.drop_members, sent)


def failed(database: Database, hand: InHand, delivery: Delivery, *, due_at: datetime, pause: Reason | None) -> None:
    """Log an attempt that failed; the same message follows at `due_at`, or once a paused webhook goes on.

    Raises `Unavailable`.
    """
    with database.transaction(hand.row.account_id, read_only=False) as connection:
        deliveries.add(connection, hand.row.account_id, hand.row.webhook_id, delivery)
        if delivery.kind == "test":
            connection.execute(SQL.test_is_done, [hand.row.webhook_id, hand.test_id])
            return
        connection.execute(SQL.failed, _fence(hand) | {"due_at": due_at, "now": delivery.at})
        if pause is not None:
            connection.execute(SQL.pause, _fence(hand) | {"reason": pause, "now": delivery.at})


def pause_for_gap(database: Database, hand: InHand, now: datetime) -> None:
    """Pause a webhook whose next changes are no longer kept. Raises `Unavailable`."""
    reason: Reason = "changes_forgotten"
    with database.single() as connection:
        connection.execute(SQL.pause, _fence(hand) | {"reason": reason, "now": now})


def _fence(hand: InHand) -> dict[str, Any]:
    return {"webhook_id": hand.row.webhook_id, "lease_no": hand.lease.lease_no, "epoch": hand.epoch}


def _read(
    connection: Connection[TupleRow], statement: sql.Composed, hand: InHand, asked: dict[str, Any]
) -> tuple[list[Change], bool]:
    """Returns what fits a message, and whether there is more."""
    fields = Fields(hand.row.subscription.fields)
    terms = asked | {"keys": fields.keys, "needs_all": fields.needs_all, "most": MOST_BYTES}
    rows = connection.execute(statement, terms).fetchall()
    return [change_of(row) for row in rows], bool(rows) and rows[0][-1] > len(rows)
