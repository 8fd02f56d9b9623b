"""Commands on webhooks: what an account asks of one, checked. A webhook is a row, not an event: see decision 0044."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from domain.campaign import campaign_of
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log
from domain.errors import FieldError, Invalid
from domain.formats.fields import CHANGE_FIELDS, parse_change_fields
from domain.segment import check_texts
from domain.texts.language import said
from domain.webhooks.addresses import Networks, checked_url, host_of
from domain.webhooks.subscription import CHANGE_TYPES, MAX_NAMED, Subscription


class WebhookCommands:
    """What webhooks may be for, in one account."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def checked(
        self, account_id: UUID, asked: Subscription, networks: Networks, named: Collection[str] = Subscription._fields
    ) -> Subscription:
        """Returns a subscription in its normal form; without a name, it gets its host's.

        Only the fields `named` are checked: what an edit does not mention stays, also where a segment was deleted.
        `networks` are those that the installation allows beside the public internet. Raises `Invalid`, which points at
        each mistake.
        """
        url = checked_url(asked.url, networks) if "url" in named else asked.url
        name, _ = check_texts(asked.name or host_of(url), "", of="webhook")
        segments, campaigns = tuple(dict.fromkeys(asked.segment_ids)), tuple(dict.fromkeys(asked.campaign_ids))
        events = tuple(each for each in CHANGE_TYPES if each in asked.events)
        mistakes = [] if events else [FieldError("/events", "no_events", said("name joined, left or both"))]
        if "segment_ids" in named:
            existing = self._log.store.existing_segments(account_id, segments) if segments else set()
            mistakes += _unknown("segment", asked.segment_ids, existing)
        if "campaign_ids" in named:
            kept = {each for each in campaigns if campaign_of(each, self._log.stream(account_id, each)) is not None}
            mistakes += _unknown("campaign", asked.campaign_ids, kept)
        fields = asked.fields or CHANGE_FIELDS.names
        if "fields" in named and asked.fields:
            try:
                known = self._accounts.schema(account_id).types
                fields = parse_change_fields(",".join(asked.fields), known, "/fields").names
            except Invalid as unknown:
                mistakes += unknown.errors
        if mistakes:
            raise Invalid.of(mistakes)
        return Subscription(name, url, segments, campaigns, events, fields)

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


def _unknown(noun: str, ids: Sequence[UUID], existing: Collection[UUID]) -> list[FieldError]:
    if len(ids) > MAX_NAMED:
        detail = said("at most %(max_named)s; leave both lists out to follow all segments", max_named=MAX_NAMED)
        return [FieldError(f"/{noun}_ids", f"too_many_{noun}s", detail)]
    return [
        FieldError(f"/{noun}_ids/{place}", f"unknown_{noun}", said("no such %(noun)s in this account", noun=noun))
        for place, each in enumerate(ids)
        if each not in existing
    ]
