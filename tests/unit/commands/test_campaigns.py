"""Campaigns: their lists of segments, when a person has to choose again, and freezing an audience."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.campaign import MAX_SEGMENTS, VERSION_STEP, CampaignDraft, CampaignEdit
from domain.errors import StaleVersion
from domain.segment import SegmentDraft
from domain.stored_events import (
    AudienceFrozen,
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
)
from tests.support.commands.given_when_then import ACCOUNT, Command, assert_events, assert_refused, happened

SPRING, AUDIENCE, UNKNOWN = UUID(int=7), UUID(int=8), UUID(int=9)
GOLD, SILVER, STAFF = UUID(int=1), UUID(int=2), UUID(int=3)


def segment(segment_id: UUID) -> Command[Any]:
    return lambda rollcall: rollcall.segments.create(ACCOUNT, SegmentDraft("S"), segment_id)


def drop(segment_id: UUID) -> Command[Any]:
    return lambda rollcall: rollcall.segments.delete(ACCOUNT, segment_id, None)


def create(included: list[UUID], excluded: list[UUID], name: str = "Spring") -> Command[Any]:
    draft = CampaignDraft(name, included, excluded)
    return lambda rollcall: rollcall.campaigns.create(ACCOUNT, draft, SPRING)


def edit(campaign_id: UUID = SPRING, expected: int | None = None, **fields: Any) -> Command[Any]:
    return lambda rollcall: rollcall.campaigns.edit(ACCOUNT, campaign_id, CampaignEdit(**fields), expected)


def delete(campaign_id: UUID = SPRING, expected: int | None = None) -> Command[Any]:
    return lambda rollcall: rollcall.campaigns.delete(ACCOUNT, campaign_id, expected)


def freeze(campaign_id: UUID = SPRING) -> Command[Any]:
    return lambda rollcall: rollcall.campaigns.freeze(ACCOUNT, campaign_id, AUDIENCE)


SEGMENTS = [segment(GOLD), segment(SILVER), segment(STAFF)]
HISTORY = [*SEGMENTS, create([GOLD, SILVER], [STAFF])]


def test_a_campaign_is_created_with_each_segment_once() -> None:
    saved = assert_events(
        SEGMENTS,
        create([GOLD, SILVER, GOLD], [STAFF], " Spring "),
        [happened(CampaignCreated, name="Spring", segment_ids=[GOLD, SILVER], exclude_segment_ids=[STAFF])],
    )
    assert (saved.id, saved.version) == (SPRING, VERSION_STEP)


def test_a_creation_repeated_under_its_id_returns_the_campaign_as_it_is_now() -> None:
    saved = assert_events([*HISTORY, edit(name="Summer")], create([GOLD, SILVER], [STAFF]), [])
    assert saved.version == 2 * VERSION_STEP


def test_segments_that_are_not_there_are_named_one_by_one() -> None:
    refused = assert_refused([*SEGMENTS, drop(STAFF)], create([GOLD, UNKNOWN], [STAFF]), "unknown_segment")
    assert [each.pointer for each in refused.errors] == ["/segment_ids/1", "/exclude_segment_ids/0"]
    assert_refused(HISTORY, edit(segment_ids=[UNKNOWN]), "unknown_segment")


def test_a_list_of_too_many_segments_is_refused() -> None:
    many = [UUID(int=100 + number) for number in range(MAX_SEGMENTS + 1)]
    history = [segment(each) for each in many]
    assert_events(history, create(many[:-1], []), [happened(CampaignCreated)])
    assert_refused(history, create(many, []), "too_many_segments")


def test_an_edit_stores_only_what_differs() -> None:
    renamed = happened(CampaignRenamed, name="Summer")
    chosen = happened(CampaignAudienceChosen, segment_ids=[GOLD], exclude_segment_ids=None)
    assert_events(HISTORY, edit(name="Summer"), [renamed])
    assert_events(HISTORY, edit(name="Summer", segment_ids=[GOLD]), [renamed, chosen])
    assert_events(HISTORY, edit(name="Spring", segment_ids=[GOLD, SILVER], exclude_segment_ids=[STAFF]), [])


def test_the_version_rises_with_each_segment_that_is_deleted_below_a_campaign() -> None:
    history = [*HISTORY, drop(GOLD)]
    refused = assert_refused(history, edit(expected=VERSION_STEP, name="Summer"), "stale_version")
    assert isinstance(refused, StaleVersion)
    assert refused.current == VERSION_STEP + 1
    assert_refused(history, delete(expected=VERSION_STEP), "stale_version")
    saved = assert_events(history, edit(expected=VERSION_STEP + 1, name="Summer"), [happened(CampaignRenamed)])
    assert saved.version == 2 * VERSION_STEP + 1


@pytest.mark.parametrize("command", [edit(UNKNOWN, name="x"), delete(UNKNOWN), freeze(UNKNOWN)])
def test_a_campaign_that_is_not_there_cannot_be_changed_or_frozen(command: Command[Any]) -> None:
    assert_refused(HISTORY, command, "campaign_not_found")


def test_a_deleted_campaign_is_not_there() -> None:
    assert_events(HISTORY, delete(), [happened(CampaignDeleted)])
    assert_refused([*HISTORY, delete()], freeze(), "campaign_not_found")


def test_an_audience_is_frozen_once() -> None:
    saved = assert_events(HISTORY, freeze(), [happened(AudienceFrozen, originator_id=AUDIENCE, campaign_id=SPRING)])
    assert (saved.id, saved.version) == (AUDIENCE, 1)
    assert assert_events([*HISTORY, freeze()], freeze(), []).id == AUDIENCE


@pytest.mark.parametrize(
    ("deleted", "needs_audience"),
    [([GOLD], False), ([GOLD, SILVER], True), ([STAFF], True)],
    ids=["one of two is left", "no segment is left", "an excluded one is lost"],
)
def test_a_campaign_that_lost_too_much_needs_its_audience_chosen(deleted: list[UUID], needs_audience: bool) -> None:
    history = [*HISTORY, *(drop(each) for each in deleted)]
    if needs_audience:
        assert_refused(history, freeze(), "needs_audience")
    else:
        assert_events(history, freeze(), [happened(AudienceFrozen)])


def test_naming_a_list_as_it_is_left_settles_what_it_lost() -> None:
    history = [*HISTORY, drop(STAFF)]
    chosen = happened(CampaignAudienceChosen, segment_ids=None, exclude_segment_ids=[])
    assert_events(history, edit(exclude_segment_ids=[]), [chosen])
    assert_events([*history, edit(exclude_segment_ids=[])], freeze(), [happened(AudienceFrozen)])
    assert_refused([*history, edit(name="Summer")], freeze(), "needs_audience")


def test_a_campaign_without_segments_can_be_kept_but_not_frozen() -> None:
    assert_events(SEGMENTS, create([], []), [happened(CampaignCreated)])
    assert_refused([*SEGMENTS, create([], [])], freeze(), "needs_audience")
