"""A campaign: which segments it is for, which it leaves out, and when a person has to choose again.

Folded from its events by `domain.commands.campaigns`; the projection worker folds the same events into
rows. Deleting a segment detaches it from every campaign; the campaign itself gets no event. A list that lost a
segment counts as chosen again only after an edit that names this very list, so that an audience never widens by
accident.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.errors import FieldError, Invalid
from domain.segment import KEEP, Keep, check_texts
from domain.stored_events import (
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    Event,
)
from domain.texts.language import said

MAX_SEGMENTS = 100
# More detachments than one choice can suffer: versions rise with each of a campaign's events and each detachment.
VERSION_STEP = 1_000


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A campaign to be created."""

    name: str
    segment_ids: Sequence[UUID]
    exclude_segment_ids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class CampaignEdit:
    """What an edit mentions; the rest is kept."""

    name: str | Keep = KEEP
    segment_ids: Sequence[UUID] | Keep = KEEP
    exclude_segment_ids: Sequence[UUID] | Keep = KEEP


@dataclass
class Campaign:
    """A campaign as its events made it; the lists as they were chosen, whatever became of their segments."""

    campaign_id: UUID
    name: str = ""
    segment_ids: tuple[UUID, ...] = ()
    exclude_segment_ids: tuple[UUID, ...] = ()
    events: int = 0
    deleted: bool = False

    def version(self, existing: Collection[UUID]) -> int:
        """Its ETag: rises with each of its events and with each segment that was deleted below it."""
        lost = sum(each not in existing for each in (*self.segment_ids, *self.exclude_segment_ids))
        return self.events * VERSION_STEP + lost

    def needs_audience(self, existing: Collection[UUID]) -> bool:
        """Returns whether it has no recipients until a person chooses: no segment left, or an excluded one lost."""
        return not any(each in existing for each in self.segment_ids) or not all(
            each in existing for each in self.exclude_segment_ids
        )


def campaign_of(campaign_id: UUID, events: Iterable[Event]) -> Campaign | None:
    """Fold a campaign's stream; `None` where there is no such campaign (any more)."""
    campaign = Campaign(campaign_id)
    for event in events:
        match event:
            case CampaignCreated():
                campaign.name = event.name
                campaign.segment_ids = tuple(event.segment_ids)
                campaign.exclude_segment_ids = tuple(event.exclude_segment_ids)
            case CampaignRenamed():
                campaign.name = event.name
            case CampaignAudienceChosen():
                if event.segment_ids is not None:
                    campaign.segment_ids = tuple(event.segment_ids)
                if event.exclude_segment_ids is not None:
                    campaign.exclude_segment_ids = tuple(event.exclude_segment_ids)
            case CampaignDeleted():
                campaign.deleted = True
        campaign.events = event.originator_version
    return None if campaign.deleted or campaign.events == 0 else campaign


def check_name(name: str) -> str:
    """The name, trimmed. Raises `Invalid`."""
    return check_texts(name, "", of="campaign")[0]


def check_lists(existing: Collection[UUID], **lists: Sequence[UUID] | Keep) -> dict[str, list[UUID] | None]:
    """Each list without repetitions, `None` for one not mentioned. Raises `Invalid` that points at each mistake."""
    checked: dict[str, list[UUID] | None] = {}
    mistakes = []
    for field, ids in lists.items():
        if isinstance(ids, Keep):
            checked[field] = None
            continue
        checked[field] = unique = list(dict.fromkeys(ids))
        if len(unique) > MAX_SEGMENTS:
            detail = said("%(count)s segments; at most %(max_segments)s", count=len(unique), max_segments=MAX_SEGMENTS)
            mistakes.append(FieldError(f"/{field}", "too_many_segments", detail))
        mistakes += [
            FieldError(f"/{field}/{place}", "unknown_segment", said("no such segment in this account"))
            for place, each in enumerate(ids)
            if each not in existing
        ]
    if mistakes:
        raise Invalid.of(mistakes)
    return checked
