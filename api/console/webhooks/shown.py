"""Webhooks as the console shows them: a row with what waits for it, its state in words, what it is for by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from api.http.dependencies import Services
from api.http.lookup import parse_webhook_id
from domain.texts.language import counted, said
from domain.webhooks.subscription import Reason
from projections.read import campaigns, segments
from projections.webhooks import subscriptions
from projections.webhooks.subscriptions import MOST_COUNTED, WebhookRow

PAUSED: dict[Reason, str] = {
    "by_request": said("Paused by a person"),
    "failing": said("Paused: it failed for too long"),
    "gone": said("Paused: the receiver says it is gone"),
    "changes_forgotten": said("Paused: changes it needs are no longer kept"),
}


class Shown(NamedTuple):
    """A webhook and how many changes wait for it."""

    row: WebhookRow
    waiting: int

    @property
    def kind(self) -> str:
        """How its state is coloured."""
        if self.row.state == "paused":
            return "working" if self.row.reason == "by_request" else "failed"
        return "failed" if self.row.attempts else "working" if self.row.full_send else "current"

    @property
    def state(self) -> str:
        """Its state in words."""
        if self.row.state == "paused":
            return PAUSED[self.row.reason or "by_request"]
        if self.row.attempts:
            return counted("Failing: %(num)s attempt", "Failing: %(num)s attempts", self.row.attempts)
        return said("Sending all members") if self.row.full_send else said("Active")

    @property
    def backlog(self) -> str:
        """How much waits, in words."""
        return said("%(number)s or more", number=MOST_COUNTED) if self.waiting >= MOST_COUNTED else f"{self.waiting:,}"


class Names(NamedTuple):
    """What a webhook is for, by name; those that were deleted have none."""

    segments: list[str]
    campaigns: list[str]


def find(services: Services, account_id: UUID, webhook_id: str) -> Shown:
    """Returns a webhook with what waits for it. Raises `NotFound`."""
    with services.database.transaction(account_id) as connection:
        row = subscriptions.by_id(connection, account_id, parse_webhook_id(webhook_id))
        return of_row(services, connection, row)


def of_row(services: Services, connection: Any, row: WebhookRow) -> Shown:
    """Returns a webhook with what waits for it."""
    followed = services.rollcall.webhooks.segments_of(row.account_id, row.subscription)
    return Shown(row, subscriptions.waiting(connection, row, followed))


def names_of(connection: Any, row: WebhookRow) -> Names:
    """Returns what a webhook is for."""
    asked, account_id = row.subscription, row.account_id
    found = segments.by_ids(connection, account_id, asked.segment_ids)
    chosen = (campaigns.by_id(connection, account_id, each) for each in asked.campaign_ids)
    return Names(
        [found[each].name for each in asked.segment_ids if each in found],
        [each.name for each in chosen if each is not None],
    )


def seen(shown: Sequence[Shown], newest: int = 0) -> str:
    """Returns a text that is another whenever something that a page shows of these webhooks is."""
    parts = [(*row[4:6], row.version, *row[8:], waits) for row, waits in shown]
    return f"{parts} {newest}"
