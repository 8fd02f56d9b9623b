"""How a segment looks in JSON, and how one is addressed; used by every module that answers with segments."""

from __future__ import annotations

from typing import Any

from domain.filters.wording import Words
from projections.read.segments import SegmentRow

EXAMPLE_FILTER = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
EXAMPLE: dict[str, Any] = {
    "id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
    "name": "Premium customers",
    "description": "Everyone on the gold plan",
    "type": "dynamic",
    "filter": EXAMPLE_FILTER,
    "filter_summary": "Plan equals gold",
    "version": 1,
    "created_at": "2026-05-20T10:00:00Z",
    "updated_at": "2026-05-20T10:00:00Z",
    "members": {"count": 1204, "state": "current", "position": 8812},
}


def show_segment(row: SegmentRow, words: Words, position: int) -> dict[str, Any]:
    """A segment as CONTRACT shows it, as of a log position."""
    return {
        "id": row.segment_id,
        "name": row.name,
        "description": row.description,
        "type": row.type,
        "filter": row.filter,
        "filter_summary": words.summary(row.filter),
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "members": {"count": row.members, "state": row.state, "position": position},
    }
