"""Commands on campaigns: create, copy, edit, delete, and freeze the audience."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

from domain import campaign as campaigns
from domain.campaign import Campaign, CampaignDraft, CampaignEdit
from domain.commands.log import Log, Saved
from domain.errors import NotFound, Refused, StaleVersion
from domain.segment import MAX_NAME, Keep, normal_text
from domain.stored_events import (
    AudienceFrozen,
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    Event,
)
from domain.texts.language import said


class CampaignCommands:
    """Campaigns and their frozen audiences."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def create(self, account_id: UUID, draft: CampaignDraft, campaign_id: UUID | None = None) -> Saved:
        """Create a campaign. With a `campaign_id` given a second time, the first one's result is returned.

        Raises `Invalid`, also for segments that do not exist.
        """
        name = campaigns.check_name(draft.name)
        existing = self._existing(account_id, (*draft.segment_ids, *draft.exclude_segment_ids))
        lists = campaigns.check_lists(
            existing, segment_ids=draft.segment_ids, exclude_segment_ids=draft.exclude_segment_ids
        )
        campaign_id = campaign_id or uuid4()
        event = CampaignCreated(
            **self._log.envelope(account_id, campaign_id, 0),
            name=name,
            segment_ids=lists["segment_ids"] or [],
            exclude_segment_ids=lists["exclude_segment_ids"] or [],
        )
        position = self._log.append_once(account_id, event)
        if position is None:
            campaign, existing = self._require(account_id, campaign_id)
            return Saved(campaign_id, campaign.version(existing), self._log.head())
        return Saved(campaign_id, campaigns.VERSION_STEP, position)

    def copy(self, account_id: UUID, campaign_id: UUID, name: str = "", copy_id: UUID | None = None) -> Saved:
        """Create a campaign with the segments of another one; without a name it is called a copy of that one.

        With a `copy_id` given a second time, the first one's result is returned. Raises `NotFound`, `Invalid`;
        `Refused` (`needs_audience`) where a person has to choose first: a copy reaches no more than the original.
        """
        campaign, existing = self._require(account_id, campaign_id)
        if campaign.needs_audience(existing):
            raise Refused("needs_audience", said("choose the campaign's segments first; then it can be copied"))
        segment_ids = [each for each in campaign.segment_ids if each in existing]
        name = name or f"Copy of {campaign.name}"[:MAX_NAME].rstrip()
        return self.create(account_id, CampaignDraft(name, segment_ids, campaign.exclude_segment_ids), copy_id)

    def edit(self, account_id: UUID, campaign_id: UUID, edit: CampaignEdit, expected: int | None) -> Saved:
        """Change what `edit` mentions. Raises `Invalid`, `NotFound`; `StaleVersion` against `expected`."""

        def append_edits() -> Saved:
            campaign, existing = self._require(account_id, campaign_id)
            _check_version(campaign.version(existing), expected)
            events = list(self._edits(account_id, campaign, edit))
            if not events:
                return Saved(campaign_id, campaign.version(existing), self._log.head())
            position = self._log.append(account_id, events)
            campaign, existing = self._require(account_id, campaign_id)
            return Saved(campaign_id, campaign.version(existing), position)

        return self._log.retry(append_edits)

    def _edits(self, account_id: UUID, campaign: Campaign, edit: CampaignEdit) -> Iterator[Event]:
        """The events of an edit. A list that the edit names is chosen anew, even if only what was left is named."""
        version = campaign.events
        named = [ids for ids in (edit.segment_ids, edit.exclude_segment_ids) if not isinstance(ids, Keep)]
        existing = self._existing(account_id, [each for ids in named for each in ids]) if named else set()
        lists = campaigns.check_lists(
            existing, segment_ids=edit.segment_ids, exclude_segment_ids=edit.exclude_segment_ids
        )
        if not isinstance(edit.name, Keep) and (name := campaigns.check_name(edit.name)) != normal_text(campaign.name):
            yield CampaignRenamed(**self._log.envelope(account_id, campaign.campaign_id, version), name=name)
            version += 1
        chosen = lists["segment_ids"], lists["exclude_segment_ids"]
        now = list(campaign.segment_ids), list(campaign.exclude_segment_ids)
        if any(list_ is not None and list_ != old for list_, old in zip(chosen, now, strict=True)):
            yield CampaignAudienceChosen(
                **self._log.envelope(account_id, campaign.campaign_id, version),
                segment_ids=chosen[0],
                exclude_segment_ids=chosen[1],
            )

    def delete(self, account_id: UUID, campaign_id: UUID, expected: int | None) -> int:
        """Delete a campaign. Returns the position after it. Raises `NotFound`; `StaleVersion` against `expected`."""

        def append_deleted() -> int:
            campaign, existing = self._require(account_id, campaign_id)
            _check_version(campaign.version(existing), expected)
            return self._log.append(
                account_id, [CampaignDeleted(**self._log.envelope(account_id, campaign_id, campaign.events))]
            )

        return self._log.retry(append_deleted)

    def freeze(self, account_id: UUID, campaign_id: UUID, audience_id: UUID | None = None) -> Saved:
        """Freeze a campaign's recipients at a log position. Raises `NotFound`; `Refused` (`needs_audience`).

        With an `audience_id` given a second time, the first audience stays unchanged.
        """
        campaign, existing = self._require(account_id, campaign_id)
        if campaign.needs_audience(existing):
            raise Refused("needs_audience", said("choose the campaign's segments first; it has no recipients"))
        audience_id = audience_id or uuid4()
        event = AudienceFrozen(**self._log.envelope(account_id, audience_id, 0), campaign_id=campaign_id)
        position = self._log.append_once(account_id, event)
        return Saved(audience_id, 1, self._log.head() if position is None else position)

    def read(self, account_id: UUID, campaign_id: UUID) -> tuple[Campaign, set[UUID]]:
        """A campaign as the log has it, whatever is projected, and which of its segments exist. Raises `NotFound`."""
        return self._require(account_id, campaign_id)

    def _require(self, account_id: UUID, campaign_id: UUID) -> tuple[Campaign, set[UUID]]:
        """The campaign, and which of its segments exist. Raises `NotFound`."""
        campaign = campaigns.campaign_of(campaign_id, self._log.stream(account_id, campaign_id))
        if campaign is None:
            raise NotFound("campaign_not_found", said("no such campaign in this account"))
        return campaign, self._existing(account_id, (*campaign.segment_ids, *campaign.exclude_segment_ids))

    def _existing(self, account_id: UUID, segment_ids: Sequence[UUID]) -> set[UUID]:
        return self._log.store.existing_segments(account_id, set(segment_ids)) if segment_ids else set()


def _check_version(current: int, expected: int | None) -> None:
    if expected is not None and current != expected:
        raise StaleVersion(
            said(
                "the campaign is at version %(current)s, not %(expected)s; read it again",
                current=current,
                expected=expected,
            ),
            current,
        )
