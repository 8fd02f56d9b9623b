"""Commands on segments: create, edit, delete; and filters as an account understands them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from domain import segment as segments
from domain.commands.account_reader import AccountReader
from domain.commands.log import Log, Saved, Writes
from domain.errors import NotFound, Refused, StaleVersion
from domain.filters.conditions import Node, parse
from domain.filters.nesting import Reference, segments_named
from domain.phones import phone_reader
from domain.segment import KEEP, Keep, Segment, SegmentDraft, SegmentEdit
from domain.stored_events import Event, SegmentCreated, SegmentDeleted, SegmentDetailsChanged, SegmentFilterChanged


class SegmentCommands:
    """Segments."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def create(self, account_id: UUID, draft: SegmentDraft, segment_id: UUID | None = None) -> Saved:
        """Create a segment. With a `segment_id` given a second time, the first one's result is returned."""
        draft = segments.check_draft(draft)
        new_id = segment_id or uuid4()

        def append_created() -> Saved:
            if segment_id is not None and any(self._log.stream(account_id, segment_id)):
                return Saved(segment_id, self._require(account_id, segment_id).version, self._log.head())
            writes = self._checked(account_id, draft.filter) if draft.type == "dynamic" else None
            event = SegmentCreated(
                **self._log.envelope(account_id, new_id, 0),
                name=draft.name,
                description=draft.description,
                type=draft.type,
                filter=draft.filter,
            )
            return Saved(new_id, 1, self._log.append(account_id, [event], writes))

        return self._log.retry(append_created)

    def edit(self, account_id: UUID, segment_id: UUID, edit: SegmentEdit, expected: int | None) -> Saved:
        """Change what `edit` mentions. Raises `Invalid`, `NotFound`, `Refused`; `StaleVersion` against `expected`."""

        def append_edits() -> Saved:
            writes = None if isinstance(edit.filter, Keep) else self._checked(account_id, edit.filter, segment_id)
            segment = self._require(account_id, segment_id)
            _check_version(segment, expected)
            events = list(self._edits(account_id, segment, edit))
            position = self._log.append(account_id, events, writes) if events else self._log.head()
            return Saved(segment_id, segment.version + len(events), position)

        return self._log.retry(append_edits)

    def _edits(self, account_id: UUID, segment: Segment, edit: SegmentEdit) -> Iterator[Event]:
        version = segment.version
        name, description = segments.check_texts(
            segment.name if isinstance(edit.name, Keep) else edit.name,
            segment.description if isinstance(edit.description, Keep) else edit.description,
        )
        if edit.filter is not KEEP:
            segments.check_filter_edit(segment)
        # What an older release stored may not be in normal form; it stays as it is until it is edited.
        if (name, description) != (segments.normal_text(segment.name), segments.normal_text(segment.description)):
            yield SegmentDetailsChanged(
                **self._log.envelope(account_id, segment.segment_id, version), name=name, description=description
            )
            version += 1
        if edit.filter is not KEEP and edit.filter != segment.filter:
            yield SegmentFilterChanged(
                **self._log.envelope(account_id, segment.segment_id, version), filter=edit.filter
            )

    def delete(self, account_id: UUID, segment_id: UUID, expected: int | None) -> int:
        """Delete a segment that no filter names. Returns the position after it.

        Raises `NotFound`; `Refused` where filters name it; `StaleVersion` against `expected`.
        """

        def append_deleted() -> int:
            segment = self._require(account_id, segment_id)
            _check_version(segment, expected)
            as_of = self._log.store.filters_position(account_id)
            if names := self._names_of_referring(account_id, segment_id):
                raise Refused("segment_in_use", f"{segment.name} is used by the filters of: {', '.join(names)}")
            event = SegmentDeleted(**self._log.envelope(account_id, segment_id, segment.version))
            return self._log.append(account_id, [event], Writes(filters_as_of=as_of))

        return self._log.retry(append_deleted)

    def _names_of_referring(self, account_id: UUID, segment_id: UUID) -> list[str]:
        """The names of the segments whose filters name this one; those that only hold its id elsewhere are not."""
        ids = self._log.store.filters_with(account_id, str(segment_id))
        found = (segments.segment_of(each, self._log.stream(account_id, each)) for each in ids)
        return [each.name for each in found if each is not None and str(segment_id) in segments_named(each.filter)]

    def require_static(self, account_id: UUID, segment_id: UUID) -> Segment:
        """A static segment. Raises `NotFound`; `Refused` where its members follow from a filter."""
        segment = self._require(account_id, segment_id)
        if segment.type != "static":
            raise Refused("members_are_computed", "the members of a dynamic segment follow from its filter; edit that")
        return segment

    def read(self, account_id: UUID, segment_id: UUID) -> Segment:
        """A segment as the log has it, whatever is projected. Raises `NotFound`."""
        return self._require(account_id, segment_id)

    def _require(self, account_id: UUID, segment_id: UUID) -> Segment:
        segment = segments.segment_of(segment_id, self._log.stream(account_id, segment_id))
        if segment is None:
            raise NotFound("segment_not_found", "no such segment in this account")
        return segment

    def _checked(self, account_id: UUID, raw: Any, segment_id: UUID | None = None) -> Writes:
        """Check a filter that is to be stored. Raises `Invalid`.

        A filter that names segments is stored only if no segment or filter changed since the check: otherwise two edits
        at once could form a cycle, or a deletion could remove a segment that is being named.
        """
        as_of = self._log.store.filters_position(account_id)
        self.parse_filter(account_id, raw, segment_id)
        return Writes(filters_as_of=as_of if segments_named(raw) else None)

    def parse_filter(self, account_id: UUID, raw: Any, segment_id: UUID | None = None) -> Node:
        """The tree of a filter in JSON form in this account; `segment_id` is its own segment. Raises `Invalid`."""
        own_id = None if segment_id is None else str(segment_id)
        return parse(
            raw,
            self._accounts.schema(account_id).types,
            read_phone=phone_reader(self._accounts.kept_account(account_id).country),
            segments=partial(self._reference, account_id),
            own_id=own_id,
        )

    def _reference(self, account_id: UUID, segment_id: str) -> Reference | None:
        try:
            segment = self._require(account_id, UUID(segment_id))
        except (NotFound, ValueError):
            return None
        return Reference(segment.name, segment.type, segment.filter) if str(segment.segment_id) == segment_id else None


def _check_version(segment: Segment, expected: int | None) -> None:
    if expected is not None and segment.version != expected:
        raise StaleVersion(
            f"the segment is at version {segment.version}, not {expected}; read it again", segment.version
        )
