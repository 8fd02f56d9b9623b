"""How a segment looks in JSON, and how one is addressed; used by every module that answers with segments."""

from __future__ import annotations

from typing import Any, Literal

from starlette.convertors import Convertor, register_url_convertor

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


class SegmentConvertor(Convertor[str]):
    """Any text without a slash, but for what is an address of its own."""

    regex = r"(?!preview$|import-sample\.csv$)[^/]+"

    def convert(self, value: str) -> str:
        """The text itself."""
        return value

    def to_string(self, value: str) -> str:
        """The text itself."""
        return value


register_url_convertor("segment", SegmentConvertor())


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
        "members": {"count": row.members, "state": state_of(row), "position": position},
    }


def state_of(row: SegmentRow) -> Literal["current", "recomputing", "failed"]:
    """Whether the members are those of the newest filter."""
    return "failed" if row.failure is not None else "recomputing" if row.building is not None else "current"
