"""A segment: its fields, and the rules of creating and editing it.

Folded from its events by `domain.commands.segments`. Members are not part of it: those of a dynamic
segment are computed by the projection worker, those of a static one are rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from domain.errors import FieldError, Invalid, Refused
from domain.stored_events import (
    Event,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
)
from domain.values import trim, with_line_feeds

SegmentType = Literal["static", "dynamic"]
MAX_NAME = 200
MAX_DESCRIPTION = 2_000


class Keep:
    """The value of a field that an edit does not mention."""


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """A segment to be created; a dynamic one without a filter matches no customer."""

    name: str
    description: str = ""
    type: SegmentType = "static"
    filter: Any = None


@dataclass(frozen=True, slots=True)
class SegmentEdit:
    """What an edit mentions; the rest is kept."""

    name: str | Keep = KEEP
    description: str | Keep = KEEP
    filter: Any | Keep = KEEP


@dataclass
class Segment:
    """A segment as its events made it; `version` counts them and is its ETag."""

    segment_id: UUID
    name: str = ""
    description: str = ""
    type: SegmentType = "static"
    filter: Any = None
    version: int = 0
    created_at: datetime | None = None
    deleted: bool = False


def segment_of(segment_id: UUID, events: Iterable[Event]) -> Segment | None:
    """Fold a segment's stream; `None` where there is no such segment (any more)."""
    segment = Segment(segment_id)
    for event in events:
        match event:
            case SegmentCreated():
                segment.name, segment.description = event.name, event.description
                segment.type, segment.filter, segment.created_at = event.type, event.filter, event.recorded_at
            case SegmentDetailsChanged():
                segment.name, segment.description = event.name, event.description
            case SegmentFilterChanged():
                segment.filter = event.filter
            case SegmentDeleted():
                segment.deleted = True
        segment.version = event.originator_version
    return None if segment.deleted or segment.version == 0 else segment


def check_draft(draft: SegmentDraft) -> SegmentDraft:
    """The draft with its texts in normal form. Raises `Invalid`."""
    name, description = check_texts(draft.name, draft.description)
    if draft.type == "static" and draft.filter not in (None, []):
        raise Invalid.at("/filter", "static_has_no_filter", "a static segment has no filter; choose type dynamic")
    return SegmentDraft(name, description, draft.type, _or_empty(draft.filter) if draft.type == "dynamic" else None)


def check_texts(name: str, description: str, *, of: str = "segment") -> tuple[str, str]:
    """Name and description in normal form. Raises `Invalid` where one is empty, too long or cannot be stored."""
    mistakes = []
    name, description = normal_text(name), normal_text(description)
    if not name:
        mistakes.append(FieldError("/name", "name_required", f"a {of} needs a name"))
    for pointer, text, limit in (("/name", name, MAX_NAME), ("/description", description, MAX_DESCRIPTION)):
        if len(text) > limit:
            mistakes.append(FieldError(pointer, "text_too_long", f"{len(text):,} characters; at most {limit:,}"))
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            mistakes.append(FieldError(pointer, "invalid_text", "holds a NUL or a lone surrogate; remove it"))
    if mistakes:
        raise Invalid(mistakes[0].code, f"{mistakes[0].pointer}: {mistakes[0].detail}", mistakes)
    return name, description


def normal_text(text: str) -> str:
    """A name or description as it is stored: trimmed as customers' texts are, and each line ended by a line feed."""
    return trim(with_line_feeds(text))


def check_filter_edit(segment: Segment) -> None:
    """Raise `Refused` where the segment's members do not come from a filter."""
    if segment.type == "static":
        raise Refused("static_has_no_filter", "a static segment has no filter; add and remove its members instead")


def _or_empty(raw: Any) -> Any:
    return [] if raw is None else raw
