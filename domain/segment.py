"""A segment: its fields, and the rules of creating and editing it; and the labels that group segments.

Folded from its events by `domain.commands.segments`. Members are not part of it: those of a dynamic
segment are computed by the projection worker, those of a static one are rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid5

from domain.errors import FieldError, Invalid, Refused
from domain.stored_events import (
    Event,
    LabelDeleted,
    LabelSaved,
    SegmentArchived,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
    SegmentLabelled,
    SegmentRestored,
)
from domain.texts.language import said
from domain.values import fold, is_one_line, trim, with_line_feeds

SegmentType = Literal["static", "dynamic"]
MAX_NAME = 200
MAX_DESCRIPTION = 2_000
# A label is shown as a small text on its colour, whose shades the console knows in both schemes.
LabelColour = Literal["grey", "red", "orange", "yellow", "green", "teal", "blue", "purple"]
LABEL_COLOURS: tuple[LabelColour, ...] = get_args(LabelColour)
MAX_LABEL_NAME = 40
MAX_LABELS, MAX_LABELS_OF_SEGMENT = 200, 20


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
    label_ids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class SegmentEdit:
    """What an edit mentions; the rest is kept."""

    name: str | Keep = KEEP
    description: str | Keep = KEEP
    filter: Any | Keep = KEEP
    label_ids: Sequence[UUID] | Keep = KEEP
    archived: bool | Keep = KEEP


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
    label_ids: list[UUID] = field(default_factory=list)
    archived: bool = False
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
            case SegmentLabelled():
                segment.label_ids = event.label_ids
            case SegmentArchived():
                segment.archived = True
            case SegmentRestored():
                segment.archived = False
            case SegmentDeleted():
                segment.deleted = True
        segment.version = event.originator_version
    return None if segment.deleted or segment.version == 0 else segment


def check_draft(draft: SegmentDraft) -> SegmentDraft:
    """The draft with its texts in normal form. Raises `Invalid`."""
    name, description = check_texts(draft.name, draft.description)
    if draft.type == "static" and draft.filter not in (None, []):
        raise Invalid.at("/filter", "static_has_no_filter", said("a static segment has no filter; choose type dynamic"))
    raw = _or_empty(draft.filter) if draft.type == "dynamic" else None
    return SegmentDraft(name, description, draft.type, raw, draft.label_ids)


def check_texts(name: str, description: str, *, of: str = "segment") -> tuple[str, str]:
    """Name and description in normal form. Raises `Invalid` where one is empty, too long or cannot be stored."""
    mistakes = []
    name, description = normal_text(name), normal_text(description)
    if not name:
        mistakes.append(FieldError("/name", "name_required", said("a %(of)s needs a name", of=of)))
    for pointer, text, limit in (("/name", name, MAX_NAME), ("/description", description, MAX_DESCRIPTION)):
        if len(text) > limit:
            mistakes.append(
                FieldError(
                    pointer,
                    "text_too_long",
                    said("%(count)s characters; at most %(limit)s", count=len(text), limit=limit),
                )
            )
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            mistakes.append(FieldError(pointer, "invalid_text", said("holds a NUL or a lone surrogate; remove it")))
    if mistakes:
        raise Invalid.of(mistakes)
    return name, description


def normal_text(text: str) -> str:
    """A name or description as it is stored: trimmed as customers' texts are, and each line ended by a line feed."""
    return trim(with_line_feeds(text))


def check_filter_edit(segment: Segment) -> None:
    """Raise `Refused` where the segment's members do not come from a filter."""
    if segment.type == "static":
        raise Refused(
            "static_has_no_filter", said("a static segment has no filter; add and remove its members instead")
        )


class Label(NamedTuple):
    """A label of an account, for its segments."""

    label_id: UUID
    name: str
    colour: LabelColour


@dataclass
class Labels:
    """The labels of an account by id, as their events made them; `version` counts these."""

    by_id: dict[UUID, Label] = field(default_factory=dict)
    version: int = 0


def labels_id_of(account_id: UUID) -> UUID:
    """The id of the stream that holds an account's labels."""
    return uuid5(account_id, "labels")


def labels_of(events: Iterable[Event]) -> Labels:
    """Fold the stream of an account's labels."""
    labels = Labels()
    for event in events:
        match event:
            case LabelSaved():
                colour: Any = event.colour
                labels.by_id[event.label_id] = Label(event.label_id, event.name, colour)
            case LabelDeleted():
                del labels.by_id[event.label_id]
        labels.version = event.originator_version
    return labels


def check_label(label: Label, others: Collection[Label]) -> Label:
    """The label with its name in normal form. Raises `Invalid`; `Refused` where another one has the name."""
    name, _ = check_texts(label.name, "", of="label")
    if len(name) > MAX_LABEL_NAME or not is_one_line(name):
        raise Invalid.at(
            "/name",
            "invalid_label_name",
            said("needs one line of 1 to %(max_label_name)s characters", max_label_name=MAX_LABEL_NAME),
        )
    if label.colour not in LABEL_COLOURS:
        raise Invalid.at("/colour", "unknown_colour", said("needs one of %(known)s", known=", ".join(LABEL_COLOURS)))
    if any(fold(each.name) == fold(name) for each in others if each.label_id != label.label_id):
        raise Refused(
            "label_name_taken", said("another label is called %(name)s already; choose another name", name=name)
        )
    return Label(label.label_id, name, label.colour)


def check_label_ids(label_ids: Sequence[UUID], labels: Labels) -> list[UUID]:
    """The ids of labels that a segment is to have, each once and in one order. Raises `Invalid`."""
    for nth, each in enumerate(label_ids):
        if each not in labels.by_id:
            raise Invalid.at(
                f"/label_ids/{nth}", "unknown_label", said("there is no label %(each)s in this account", each=each)
            )
    asked = sorted(set(label_ids))
    if len(asked) > MAX_LABELS_OF_SEGMENT:
        raise Invalid.at(
            "/label_ids",
            "too_many_labels",
            said(
                "%(count)s labels; at most %(max_labels_of_segment)s",
                count=len(asked),
                max_labels_of_segment=MAX_LABELS_OF_SEGMENT,
            ),
        )
    return asked


def _or_empty(raw: Any) -> Any:
    return [] if raw is None else raw
