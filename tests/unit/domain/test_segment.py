"""A segment folded from its events, and the checks of a draft."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Invalid, Refused
from domain.segment import Segment, SegmentDraft, check_draft, check_filter_edit, segment_of
from domain.stored_events import (
    Event,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
)

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
ID = UUID(int=3)


def folded(*events: tuple[type[Event], dict[str, Any]]) -> Segment | None:
    stream: Sequence[Event] = [
        kind(originator_id=ID, originator_version=version, account_id=UUID(int=1), recorded_at=NOW, **fields)
        for version, (kind, fields) in enumerate(events, start=1)
    ]
    return segment_of(ID, stream)


CREATED = (SegmentCreated, {"name": "Gold", "description": "", "type": "dynamic", "filter": []})


def test_a_segment_is_folded_from_its_events() -> None:
    segment = folded(
        CREATED,
        (SegmentFilterChanged, {"filter": GOLD}),
        (SegmentDetailsChanged, {"name": "Golden", "description": "best"}),
    )
    assert segment == Segment(ID, "Golden", "best", "dynamic", GOLD, 3, NOW)


def test_a_deleted_segment_and_one_that_never_was_are_the_same() -> None:
    assert folded(CREATED, (SegmentDeleted, {})) is None
    assert folded() is None


def test_a_draft_is_trimmed_and_a_dynamic_one_without_a_filter_matches_no_customer() -> None:
    assert check_draft(SegmentDraft(" Gold ", " best ", "dynamic")) == SegmentDraft("Gold", "best", "dynamic", [])
    assert check_draft(SegmentDraft("VIPs", filter=[])) == SegmentDraft("VIPs")


@pytest.mark.parametrize(
    ("draft", "mistakes"),
    [
        (SegmentDraft(" "), [("/name", "name_required")]),
        (SegmentDraft("x" * 201), [("/name", "text_too_long")]),
        (SegmentDraft("a\x00"), [("/name", "invalid_text")]),
        (SegmentDraft("", "\ud800"), [("/name", "name_required"), ("/description", "invalid_text")]),
        (SegmentDraft("x", "y" * 2_001), [("/description", "text_too_long")]),
        (SegmentDraft("x", "", "static", GOLD), [("/filter", "static_has_no_filter")]),
    ],
)
def test_a_draft_that_cannot_be_stored_names_its_mistakes(draft: SegmentDraft, mistakes: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid) as refused:
        check_draft(draft)
    assert [(each.pointer, each.code) for each in refused.value.errors] == mistakes


def test_a_static_segment_takes_no_filter() -> None:
    check_filter_edit(Segment(ID, type="dynamic"))
    with pytest.raises(Refused):
        check_filter_edit(Segment(ID, type="static"))
