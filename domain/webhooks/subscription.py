"""What an account asks of a webhook: which changes of which segments and campaigns, with which fields of a customer.

Stored by `projections.webhooks.subscriptions`, never rebuilt; `api` shows it, and `consumers.webhooks` delivers it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args
from uuid import UUID

ChangeType = Literal["joined", "left"]
State = Literal["active", "paused"]
# All present members are to be copied, or are being sent.
FullSendState = Literal["waiting", "sending"]
# Why a webhook is paused: a person did it; it failed for too long; the receiver answered 410; changes are gone.
Reason = Literal["by_request", "failing", "gone", "changes_forgotten"]
CHANGE_TYPES: tuple[ChangeType, ...] = get_args(ChangeType)
MAX_WEBHOOKS = 100
MAX_NAMED = 100


class Subscription(NamedTuple):
    """What a webhook is for. Without segments and campaigns it is for all segments of the account."""

    name: str
    url: str
    segment_ids: tuple[UUID, ...] = ()
    campaign_ids: tuple[UUID, ...] = ()
    events: tuple[ChangeType, ...] = CHANGE_TYPES
    fields: tuple[str, ...] = ()

    @property
    def is_for_all(self) -> bool:
        """Whether it is for every segment of the account, also those that are made later."""
        return not self.segment_ids and not self.campaign_ids
