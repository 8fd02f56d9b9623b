"""Commands on segments and their labels: create, edit, delete; and filters as an account understands them.

`by` is who asks, as `domain.stored_events.ActedEvent` keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from domain import segment as segments
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log, Saved, Writes
from domain.errors import NotFound, Refused, StaleVersion
from domain.filters.conditions import Node
from domain.filters.nesting import Reference, attributes_named, segments_named
from domain.filters.parsing import parse
from domain.jobs.job import NewJob
from domain.phones import phone_reader
from domain.segment import KEEP, Keep, Label, LabelColour, Segment, SegmentDraft, SegmentEdit
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
from domain.values import fold


class SegmentCommands:
    """Segments."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def create(
        self,
        account_id: UUID,
        draft: SegmentDraft,
        segment_id: UUID | None = None,
        *,
        by: str | None = None,
        job: NewJob | None = None,
    ) -> Saved:
        """Create a segment, and begin a job with it. With an id given a second time, the first result is returned."""
        draft = segments.check_draft(draft)
        new_id = segment_id or uuid4()

        def append_created() -> Saved:
            if segment_id is not None and any(self._log.stream(account_id, segment_id)):
                return Saved(segment_id, self._require(account_id, segment_id).version, self._log.head())
            writes = self._checked(account_id, draft.filter) if draft.type == "dynamic" else Writes(new_job=job)
            labels = self._label_ids(account_id, draft.label_ids)
            created = SegmentCreated(
                **self._log.envelope(account_id, new_id, 0),
                by=by,
                name=draft.name,
                description=draft.description,
                type=draft.type,
                filter=draft.filter,
            )
            events: list[Event] = [created]
            if labels:
                events.append(SegmentLabelled(**self._log.envelope(account_id, new_id, 1), by=by, label_ids=labels))
            return Saved(new_id, len(events), self._log.append(account_id, events, writes))

        return self._log.retry(append_created)

    def edit(
        self, account_id: UUID, segment_id: UUID, edit: SegmentEdit, expected: int | None, *, by: str | None = None
    ) -> Saved:
        """Change what `edit` mentions. Raises `Invalid`, `NotFound`, `Refused`; `StaleVersion` against `expected`."""

        def append_edits() -> Saved:
            writes = None if isinstance(edit.filter, Keep) else self._checked(account_id, edit.filter, segment_id)
            segment = self._require(account_id, segment_id)
            _check_version(segment, expected)
            events = list(self._edits(account_id, segment, edit, by))
            position = self._log.append(account_id, events, writes) if events else self._log.head()
            return Saved(segment_id, segment.version + len(events), position)

        return self._log.retry(append_edits)

    def _edits(self, account_id: UUID, segment: Segment, edit: SegmentEdit, by: str | None) -> Iterator[Event]:
        following = count(segment.version)

        def envelope() -> dict[str, Any]:
            return self._log.envelope(account_id, segment.segment_id, next(following)) | {"by": by}

        name, description = segments.check_texts(
            segment.name if isinstance(edit.name, Keep) else edit.name,
            segment.description if isinstance(edit.description, Keep) else edit.description,
        )
        if edit.filter is not KEEP:
            segments.check_filter_edit(segment)
        # What an older release stored may not be in normal form; it stays as it is until it is edited.
        if (name, description) != (segments.normal_text(segment.name), segments.normal_text(segment.description)):
            yield SegmentDetailsChanged(**envelope(), name=name, description=description)
        if edit.filter is not KEEP and edit.filter != segment.filter:
            yield SegmentFilterChanged(**envelope(), filter=edit.filter)
        if not isinstance(edit.label_ids, Keep):
            labels = self._label_ids(account_id, edit.label_ids)
            if labels != segment.label_ids:
                yield SegmentLabelled(**envelope(), label_ids=labels)
        if not isinstance(edit.archived, Keep) and edit.archived != segment.archived:
            yield (SegmentArchived if edit.archived else SegmentRestored)(**envelope())

    def delete(self, account_id: UUID, segment_id: UUID, expected: int | None, *, by: str | None = None) -> int:
        """Delete a segment that no filter names. Returns the position after it.

        Raises `NotFound`; `Refused` where filters name it; `StaleVersion` against `expected`.
        """

        def append_deleted() -> int:
            segment = self._require(account_id, segment_id)
            _check_version(segment, expected)
            as_of = self._log.store.filters_position(account_id)
            if names := self._names_of_referring(account_id, segment_id):
                raise Refused(
                    "segment_in_use",
                    said("%(name)s is used by the filters of: %(known)s", name=segment.name, known=", ".join(names)),
                )
            event = SegmentDeleted(**self._log.envelope(account_id, segment_id, segment.version), by=by)
            return self._log.append(account_id, [event], Writes(filters_as_of=as_of))

        return self._log.retry(append_deleted)

    def labels(self, account_id: UUID) -> list[Label]:
        """The labels of an account, ordered by name."""
        labels = segments.labels_of(self._log.stream(account_id, segments.labels_id_of(account_id)))
        return sorted(labels.by_id.values(), key=lambda each: (fold(each.name), each.label_id))

    def save_label(
        self, account_id: UUID, label_id: UUID | None, name: str, colour: LabelColour, *, by: str | None = None
    ) -> Saved:
        """Create a label, or change the one with this id.

        Raises `Invalid`, `NotFound`; `Refused` where another one has the name, or there are too many.
        """
        stream = segments.labels_id_of(account_id)
        saved_id = label_id or uuid4()

        def append_saved() -> Saved:
            labels = segments.labels_of(self._log.stream(account_id, stream))
            if label_id is None and len(labels.by_id) >= segments.MAX_LABELS:
                raise Refused(
                    "too_many_labels",
                    said("an account has at most %(max_labels)s labels; delete one", max_labels=segments.MAX_LABELS),
                )
            if label_id is not None and label_id not in labels.by_id:
                raise _no_label()
            label = segments.check_label(Label(saved_id, name, colour), labels.by_id.values())
            if labels.by_id.get(saved_id) == label:
                return Saved(saved_id, labels.version, self._log.head())
            envelope = self._log.envelope(account_id, stream, labels.version)
            event = LabelSaved(**envelope, by=by, label_id=saved_id, name=label.name, colour=label.colour)
            return Saved(saved_id, event.originator_version, self._log.append(account_id, [event]))

        return self._log.retry(append_saved)

    def delete_label(self, account_id: UUID, label_id: UUID, *, by: str | None = None) -> int:
        """Delete a label; segments lose it. Returns the position after it. Raises `NotFound`."""
        stream = segments.labels_id_of(account_id)

        def append_deleted() -> int:
            labels = segments.labels_of(self._log.stream(account_id, stream))
            if label_id not in labels.by_id:
                raise _no_label()
            event = LabelDeleted(**self._log.envelope(account_id, stream, labels.version), by=by, label_id=label_id)
            return self._log.append(account_id, [event])

        return self._log.retry(append_deleted)

    def _label_ids(self, account_id: UUID, label_ids: Sequence[UUID]) -> list[UUID]:
        if not label_ids:
            return []
        labels = segments.labels_of(self._log.stream(account_id, segments.labels_id_of(account_id)))
        return segments.check_label_ids(label_ids, labels)

    def _names_of_referring(self, account_id: UUID, segment_id: UUID) -> list[str]:
        """The names of the segments whose filters name this one; those that only hold its id elsewhere are not."""
        found = segments_with(self._log, account_id, str(segment_id))
        return [each.name for each in found if str(segment_id) in segments_named(each.filter)]

    def require_static(self, account_id: UUID, segment_id: UUID) -> Segment:
        """A static segment. Raises `NotFound`; `Refused` where its members follow from a filter."""
        segment = self._require(account_id, segment_id)
        if segment.type != "static":
            raise Refused(
                "members_are_computed", said("the members of a dynamic segment follow from its filter; edit that")
            )
        return segment

    def read(self, account_id: UUID, segment_id: UUID) -> Segment:
        """A segment as the log has it, whatever is projected. Raises `NotFound`."""
        return self._require(account_id, segment_id)

    def _require(self, account_id: UUID, segment_id: UUID) -> Segment:
        segment = segments.segment_of(segment_id, self._log.stream(account_id, segment_id))
        if segment is None:
            raise NotFound("segment_not_found", said("no such segment in this account"))
        return segment

    def _checked(self, account_id: UUID, raw: Any, segment_id: UUID | None = None) -> Writes:
        """Check a filter that is to be stored. Raises `Invalid`.

        A filter that names segments or computed attributes is stored only if no segment or filter changed, nor such an
        attribute was removed, since the check: otherwise two edits at once could form a cycle, or what is being named
        could be deleted.
        """
        as_of = self._log.store.filters_position(account_id)
        self.parse_filter(account_id, raw, segment_id)
        computed = self._accounts.schema(account_id).computed.keys()
        names_others = bool(segments_named(raw)) or not computed.isdisjoint(attributes_named(raw))
        return Writes(filters_as_of=as_of if names_others else None)

    def parse_filter(
        self, account_id: UUID, raw: Any, segment_id: UUID | None = None, nodes: dict[str, Node] | None = None
    ) -> Node:
        """The tree of a filter in JSON form in this account; `segment_id` is its own segment. Raises `Invalid`.

        `nodes` receives the tree of each of its nodes, by JSON pointer.
        """
        own_id = None if segment_id is None else str(segment_id)
        schema = self._accounts.schema(account_id)
        return parse(
            raw,
            schema.types,
            schema.behaviour(),
            read_phone=phone_reader(self._accounts.kept_account(account_id).country),
            segments=partial(self._reference, account_id),
            own_id=own_id,
            nodes=nodes,
        )

    def _reference(self, account_id: UUID, segment_id: str) -> Reference | None:
        try:
            segment = self._require(account_id, UUID(segment_id))
        except (NotFound, ValueError):
            return None
        return Reference(segment.name, segment.type, segment.filter) if str(segment.segment_id) == segment_id else None


def segments_with(log: Log, account_id: UUID, text: str) -> Iterator[Segment]:
    """The segments, oldest first, whose filter holds a text anywhere."""
    ids = log.store.filters_with(account_id, text)
    found = (segments.segment_of(each, log.stream(account_id, each)) for each in ids)
    return (each for each in found if each is not None)


def _no_label() -> NotFound:
    return NotFound("label_not_found", said("no such label in this account"))


def _check_version(segment: Segment, expected: int | None) -> None:
    if expected is not None and segment.version != expected:
        raise StaleVersion(
            said(
                "the segment is at version %(version)s, not %(expected)s; read it again",
                version=segment.version,
                expected=expected,
            ),
            segment.version,
        )
