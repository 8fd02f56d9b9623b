"""One turn of one webhook: its next messages, each sent and its result stored, until there is none or time is over.

Run by `consumers.webhooks.deliverer` in a thread, under a lease of the webhook. At least once: that a message was
accepted is stored after it was. One that fails stays the next one, so that nothing is lost and nothing overtakes.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram

from consumers.webhooks.messages import Message, of_changes, of_members, of_test
from consumers.webhooks.sender import Answer, Sender
from domain.commands.webhooks import WebhookCommands
from domain.formats.fields import Fields
from domain.webhooks.retries import is_long_failure, wait_after
from domain.webhooks.signing import signed_headers
from domain.webhooks.subscription import Reason
from projections.postgres.database import Database
from projections.read.streams import changes
from projections.webhooks import dispatch, leases
from projections.webhooks.deliveries import Delivery
from projections.webhooks.dispatch import InHand
from projections.webhooks.leases import Lease

TURN_SECONDS = 5.0
# A receiver that takes longer is slow.
SLOW_SECONDS = 1.0

log = structlog.get_logger(__name__)
_attempts = Counter("rollcall_webhook_attempts_total", "Attempts to deliver a webhook's message", ["result"])
_records = Counter("rollcall_webhook_records_total", "Changes and members that receivers of webhooks accepted")
_seconds = Histogram("rollcall_webhook_attempt_seconds", "How long receivers of webhooks took to answer")


@dataclass(frozen=True, slots=True)
class Turns:
    """What every turn works with. `now` is the installation's time, `sent_at` that of receivers, who compare it.

    `patience` is how long a webhook may fail before it is paused.
    """

    database: Database
    webhooks: WebhookCommands
    sender: Sender
    now: Callable[[], datetime]
    sent_at: Callable[[], datetime]
    patience: timedelta
    user_agent: str
    stop: threading.Event

    def run(self, lease: Lease) -> None:
        """Deliver what a webhook has, one message after the other. Raises `Unavailable`."""
        ends = time.monotonic() + TURN_SECONDS
        while not self.stop.is_set() and time.monotonic() < ends and self._step(lease):
            continue
        leases.give_back(self.database, lease)

    def _step(self, lease: Lease) -> bool:
        """Deliver a message, or prepare the next one. Returns whether there may be more to do now."""
        hand = dispatch.renew(self.database, lease)
        if hand is None:
            return False
        row = hand.row
        if hand.test_id is not None:
            return self._deliver(hand, of_test(f"msg_{hand.test_id.hex}", row.webhook_id, self.now()))
        if row.state != "active" or row.due_at > self.now():
            return False
        if row.full_send == "waiting":
            dispatch.begin_full_send(self.database, hand, self._segments(hand))
            return True
        if row.full_send == "sending":
            return self._deliver_members(hand)
        if hand.pending_to is not None:
            return self._deliver_changes(hand)
        planned = dispatch.plan(self.database, hand, self._segments(hand))
        if planned.forgotten:
            return self._pause_for_gap(hand)
        return planned.to > row.change_no

    def _deliver_members(self, hand: InHand) -> bool:
        row = hand.row
        with self.database.snapshot(row.account_id) as (connection, _):
            block = dispatch.next_block(connection, hand)
        if block is None:
            dispatch.end_full_send(self.database, hand)
            return True
        message = of_members(
            hand.message_id("full_send", block.members[-1].customer_no, block.block_no),
            row.webhook_id,
            block,
            Fields(row.subscription.fields),
            records=row.full_send_records,
            sent=row.full_send_sent,
        )
        return self._deliver(hand, message)

    def _deliver_changes(self, hand: InHand) -> bool:
        row = hand.row
        with self.database.snapshot(row.account_id) as (connection, _):
            if changes.kept(connection).forgotten_to > row.change_no:
                pending = None
            else:
                pending = dispatch.pending_changes(connection, hand)
        if pending is None or not pending.changes:
            return self._pause_for_gap(hand)
        message_id = hand.message_id("changes", pending.to)
        return self._deliver(hand, of_changes(message_id, row.webhook_id, pending, Fields(row.subscription.fields)))

    def _deliver(self, hand: InHand, message: Message) -> bool:
        """Send a message and store the result. Returns whether the next one may follow."""
        secrets = dispatch.secrets_of(self.database, hand.row.webhook_id, self.now())
        headers = {"content-type": "application/json", "user-agent": self.user_agent}
        headers |= signed_headers(message.id, self.sent_at(), message.body, secrets)
        answer = self.sender.post(hand.row.subscription.url, headers, message.body)
        _attempts.labels("accepted" if answer.failure is None else answer.failure).inc()
        _seconds.observe(answer.seconds)
        delivery = _logged(hand, message, answer, self.now())
        if answer.failure is None:
            _records.inc(message.records)
            slow = answer.seconds > SLOW_SECONDS
            dispatch.accepted(self.database, hand, delivery, slow=slow, to=message.to, block_no=message.block_no)
            # A receiver that has become slow, or quick again, has its next turn with those like it.
            return slow == hand.lease.slow
        due_at = delivery.at + wait_after(delivery.attempt, random.random(), answer.retry_after)  # noqa: S311 - no secret
        dispatch.failed(self.database, hand, delivery, due_at=due_at, pause=self._pause_reason(hand, delivery))
        log.warning("webhook_failed", webhook_id=str(hand.row.webhook_id), failure=answer.failure, reason=answer.detail)
        return message.kind == "test"

    def _pause_reason(self, hand: InHand, delivery: Delivery) -> Reason | None:
        if delivery.failure == "gone":
            return "gone"
        since = hand.row.failing_since or delivery.at
        return "failing" if is_long_failure(since, delivery.at, self.patience) else None

    def _pause_for_gap(self, hand: InHand) -> bool:
        dispatch.pause_for_gap(self.database, hand, self.now())
        log.warning("webhook_paused", webhook_id=str(hand.row.webhook_id), reason="changes_forgotten")
        return False

    def _segments(self, hand: InHand) -> list[UUID] | None:
        return self.webhooks.segments_of(hand.row.account_id, hand.row.subscription)


def _logged(hand: InHand, message: Message, answer: Answer, at: datetime) -> Delivery:
    return Delivery(
        message_id=message.id,
        kind=message.kind,
        attempt=1 if message.kind == "test" else hand.row.attempts + 1,
        records=message.records,
        first_position=message.first_position,
        last_position=message.last_position,
        at=at,
        duration_ms=round(answer.seconds * 1_000),
        status=answer.status,
        failure=answer.failure,
        detail=answer.detail,
        answer=answer.beginning,
    )
