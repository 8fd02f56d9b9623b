"""What can be asked of a campaign: to exist, to be edited, to go, and to freeze its audience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError

from domain import campaign as campaigns
from domain.campaign import Campaign, CampaignDraft, CampaignEdit
from domain.commands.log import LogApplication, Saved
from domain.errors import NotFound, Refused, StaleVersion
from domain.segment import Keep
from domain.stored_events import (
    AudienceCounted,
    AudienceFrozen,
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    Event,
)


class CampaignCommands(LogApplication):
    """Campaigns and their frozen audiences."""

    def create_campaign(self, account_id: UUID, draft: CampaignDraft, campaign_id: UUID | None = None) -> Saved:
        """Create a campaign. With a `campaign_id` given a second time, the first one's result is returned.

        Raises `Invalid`, also for segments that are not there.
        """
        name = campaigns.check_name(draft.name)
        existing = self._existing(account_id, (*draft.segment_ids, *draft.exclude_segment_ids))
        lists = campaigns.check_lists(
            existing, segment_ids=draft.segment_ids, exclude_segment_ids=draft.exclude_segment_ids
        )
        campaign_id = campaign_id or uuid4()
        event = CampaignCreated(
            **self._next(account_id, campaign_id, 0), name=name,
            segment_ids=lists["segment_ids"] or [], exclude_segment_ids=lists["exclude_segment_ids"] or [],
        )  # fmt: skip
        try:
            return Saved(campaign_id, campaigns.VERSION_STEP, self._put(account_id, [event]))
        except IntegrityError:
            campaign, existing = self._read_campaign(account_id, campaign_id)
            return Saved(campaign_id, campaign.version(existing), self.head())

    def edit_campaign(self, account_id: UUID, campaign_id: UUID, edit: CampaignEdit, expected: int | None) -> Saved:
        """Change what `edit` mentions. Raises `Invalid`, `NotFound`; `StaleVersion` against `expected`."""

        def write() -> Saved:
            campaign, existing = self._read_campaign(account_id, campaign_id)
            _check_version(campaign.version(existing), expected)
            events = list(self._campaign_edits(account_id, campaign, edit))
            if not events:
                return Saved(campaign_id, campaign.version(existing), self.head())
            position = self._put(account_id, events)
            campaign, existing = self._read_campaign(account_id, campaign_id)
            return Saved(campaign_id, campaign.version(existing), position)

        return self._repeat(write)

    def _campaign_edits(self, account_id: UUID, campaign: Campaign, edit: CampaignEdit) -> Iterator[Event]:
        """Naming a list chooses it, also where it names what is left of it: that settles what it lost."""
        version = campaign.events
        named = [ids for ids in (edit.segment_ids, edit.exclude_segment_ids) if not isinstance(ids, Keep)]
        existing = self._existing(account_id, [each for ids in named for each in ids]) if named else set()
        lists = campaigns.check_lists(
            existing, segment_ids=edit.segment_ids, exclude_segment_ids=edit.exclude_segment_ids
        )
        if not isinstance(edit.name, Keep) and (name := campaigns.check_name(edit.name)) != campaign.name:
            yield CampaignRenamed(**self._next(account_id, campaign.campaign_id, version), name=name)
            version += 1
        chosen = lists["segment_ids"], lists["exclude_segment_ids"]
        now = list(campaign.segment_ids), list(campaign.exclude_segment_ids)
        if any(list_ is not None and list_ != old for list_, old in zip(chosen, now, strict=True)):
            yield CampaignAudienceChosen(
                **self._next(account_id, campaign.campaign_id, version),
                segment_ids=chosen[0], exclude_segment_ids=chosen[1],
            )  # fmt: skip

    def delete_campaign(self, account_id: UUID, campaign_id: UUID, expected: int | None) -> int:
        """Delete a campaign; the position after it. Raises `NotFound`; `StaleVersion` against `expected`."""

        def write() -> int:
            campaign, existing = self._read_campaign(account_id, campaign_id)
            _check_version(campaign.version(existing), expected)
            return self._put(account_id, [CampaignDeleted(**self._next(account_id, campaign_id, campaign.events))])

        return self._repeat(write)

    def freeze_audience(self, account_id: UUID, campaign_id: UUID, audience_id: UUID | None = None) -> Saved:
        """Freeze a campaign's recipients at a log position. Raises `NotFound`; `Refused` (`needs_audience`).

        With an `audience_id` given a second time, the first one stays as it is.
        """
        campaign, existing = self._read_campaign(account_id, campaign_id)
        if campaign.needs_audience(existing):
            raise Refused("needs_audience", "choose the campaign's segments first; it has no recipients")
        audience_id = audience_id or uuid4()
        event = AudienceFrozen(**self._next(account_id, audience_id, 0), campaign_id=campaign_id)
        try:
            return Saved(audience_id, 1, self._put(account_id, [event]))
        except IntegrityError:
            return Saved(audience_id, 1, self.head())

    def record_audience_counted(
        self, account_id: UUID, audience_id: UUID, counts: Mapping[str, Any], passed_over: Sequence[int]
    ) -> None:
        """Put into the log what a freezing came to; a second time it is there already. For the worker."""
        event = AudienceCounted(**self._next(account_id, audience_id, 1), **counts, passed_over=list(passed_over))
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return

    def _read_campaign(self, account_id: UUID, campaign_id: UUID) -> tuple[Campaign, set[UUID]]:
        """The campaign, and which of its segments are there."""
        campaign = campaigns.campaign_of(campaign_id, self._stream(account_id, campaign_id))
        if campaign is None:
            raise NotFound("campaign_not_found", "no such campaign in this account")
        return campaign, self._existing(account_id, (*campaign.segment_ids, *campaign.exclude_segment_ids))

    def _existing(self, account_id: UUID, segment_ids: Sequence[UUID]) -> set[UUID]:
        return self._log_of_accounts.existing_segments(account_id, set(segment_ids)) if segment_ids else set()


def _check_version(current: int, expected: int | None) -> None:
    if expected is not None and current != expected:
        raise StaleVersion(f"the campaign is at version {current}, not {expected}; read it again", current)
