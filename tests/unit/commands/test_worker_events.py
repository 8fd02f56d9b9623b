"""What the worker appends, and that a second worker's, or a second attempt's, is there already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.stored_events import AudienceCounted, SegmentRecomputed, SegmentRefreshed, TimePassed
from tests.support.commands.given_when_then import ACCOUNT, NOW, Command, assert_events, happened

ID = UUID(int=1)
COUNTS = {"count": 2, "opted_out": 1, "no_phone": 0, "excluded": 0, "duplicate_phone": 2}


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (
            lambda rollcall: rollcall.worker_events.record_recomputed(ACCOUNT, ID, 3),
            happened(SegmentRecomputed, segment_id=ID, version_no=3, originator_version=3),
        ),
        (
            lambda rollcall: rollcall.worker_events.record_refreshed(ACCOUNT, ID, 17),
            happened(SegmentRefreshed, segment_id=ID, originator_version=17),
        ),
        (
            lambda rollcall: rollcall.worker_events.record_audience_counted(ACCOUNT, ID, COUNTS, (4, 5)),
            happened(AudienceCounted, originator_id=ID, originator_version=2, count=2, passed_over=[4, 5]),
        ),
        (
            lambda rollcall: rollcall.worker_events.record_time_passed(ACCOUNT, NOW + timedelta(days=1)),
            happened(TimePassed, until=NOW + timedelta(days=1)),
        ),
    ],
)
def test_each_is_appended_once(command: Command[Any], event: Any) -> None:
    assert_events([], command, [event])
    assert_events([command], command, [])
