"""Commands on webhooks: what an account asks of one, checked. A webhook is a row, not an event: see decision 0044."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain.campaign import campaign_of
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log
from domain.errors import FieldError, Invalid
from domain.formats.fields import CHANGE_FIELDS, parse_change_fields
from domain.segment import check_texts
from domain.webhooks.addresses import Networks, checked_url, host_of
from domain.webhooks.subscription import CHANGE_TYPES, MAX_NAMED, Subscription


class WebhookCommands:
    """What webhooks may be for, in one account."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def checked(self, account_id: UUID, asked: Subscription, networks: Networks) -> Subscription:
        """Returns a subscription in its normal form; without a name, it gets its host's.

        `networks` are those that the installation allows beside the public internet. Raises `Invalid`, which points at
        each mistake.
        """
        url = checked_url(asked.url, networks)
        name, _ = check_texts(asked.name or host_of(url), "", of="webhook")
        segments, campaigns = dict.fromkeys(asked.segment_ids), dict.fromkeys(asked.campaign_ids)
        existing = self._log.store.existing_segments(account_id, segments) if segments else set()
        mistakes = [
            FieldError(f"/segment_ids/{place}", "unknown_segment", "no such segment in this account")
            for place, each in enumerate(asked.segment_ids)
            if each not in existing
        ]
        mistakes += [
            FieldError(f"/campaign_ids/{place}", "unknown_campaign", "no such campaign in this account")
            for place, each in enumerate(asked.campaign_ids)
            if campaign_of(each, self._log.stream(account_id, each)) is None
        ]
        mistakes += _too_many("segment_ids", segments) + _too_many("campaign_ids", campaigns)
        if not asked.events:
            mistakes.append(FieldError("/events", "no_events", "name joined, left or both"))
        fields = CHANGE_FIELDS
        try:
            if asked.fields:
                known = self._accounts.schema(account_id).types
                fields = parse_change_fields(",".join(asked.fields), known, "/fields")
        except Invalid as unknown:
            mistakes += unknown.errors
        if mistakes:
            raise Invalid(mistakes[0].code, f"{mistakes[0].pointer}: {mistakes[0].detail}", mistakes)
        events = tuple(each for each in CHANGE_TYPES if each in asked.events)
        return Subscription(name, url, tuple(segments), tuple(campaigns), events, fields.names)

    def segments_of(self, account_id: UUID, subscription: Subscription) -> list[UUID] | None:
        """The segments that a subscription is for, `None` for all of the account.

        Those of a campaign as they were chosen, also where one was deleted since: its members left, which is a change.
        """
        if subscription.is_for_all:
            return None
        streams = ((each, self._log.stream(account_id, each)) for each in subscription.campaign_ids)
        campaigns = [campaign_of(campaign_id, events) for campaign_id, events in streams]
        chosen = [segment for each in campaigns if each is not None for segment in each.segment_ids]
        return list(dict.fromkeys([*subscription.segment_ids, *chosen]))


def _too_many(field: str, ids: Collection[UUID]) -> list[FieldError]:
    if len(ids) <= MAX_NAMED:
        return []
    return [FieldError(f"/{field}", "too_many", f"at most {MAX_NAMED}; leave both lists out to follow all segments")]
