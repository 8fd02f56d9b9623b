"""The application: one method for each intention. Both doors, the worker and the command line call it.

Every method that writes stores its events in one transaction and returns the log position after it.
Writers do not wait for each other: each decides on what it read, the log refuses what is stale, and
the method reads again and repeats. The library gives the log, its order and its positions; the
`Log` protocol is what we need beyond it, implemented by `deploy.event_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID, uuid4, uuid5

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent
from eventsourcing.utils import Environment

from domain import segment as segments
from domain.account import (
    Account,
    Attribute,
    KeyKind,
    Schema,
    account_id_of,
    account_of,
    new_secret,
    schema_id_of,
    schema_of,
)
from domain.calendar import zone_of
from domain.change_batch import ChangeBatch, change_target
from domain.customer import RESERVED, CustomerChange, CustomerState, DeadLetter, Outcome
from domain.errors import FieldError, Invalid, NotFound, Refused, StaleVersion, Unavailable
from domain.filters import parse
from domain.moments import micros
from domain.phones import is_country
from domain.segment import KEEP, Keep, Segment, SegmentDraft, SegmentEdit
from domain.stored_events import (
    AccountCreated,
    ApiKeyCreated,
    ApiKeyRevoked,
    AttributeDeclared,
    Event,
    EventMapper,
    SegmentCreated,
    SegmentDeleted,
    SegmentDetailsChanged,
    SegmentFilterChanged,
    SegmentRecomputed,
    TimePassed,
)
from domain.values import ATTRIBUTE_TYPES, AttributeType, is_attribute_key

ATTEMPTS = 20
Answer = TypeVar("Answer")


class Saved(NamedTuple):
    """What a write made: the aggregate, its version, and the log position that includes it."""

    id: UUID
    version: int
    position: int


class NewKey(NamedTuple):
    """A fresh API key; `key` is shown this once."""

    id: str
    key: str
    position: int


class Tracking(NamedTuple):
    """How far a source was taken in: `offset` now, `previous` when this writer looked."""

    name: str
    offset: int
    previous: int | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcomes of a batch, one for each change, in order."""

    position: int
    outcomes: list[Outcome]


class Writes(NamedTuple):
    """What goes into the transaction of a batch beside its events."""

    states: Sequence[tuple[CustomerState, int]]
    tracking: Tracking | None
    dead_letters: Sequence[DeadLetter]


class Log(Protocol):
    """What the event store offers beyond the library's recorder."""

    def account_events(self, account_id: UUID, originator_id: UUID) -> Sequence[StoredEvent]:
        """The stream of one aggregate, oldest first, as the account may see it."""

    def customer_states(self, account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
        """The states of those customers that were ever seen, in one round trip."""

    def head(self) -> int:
        """The position of the last event."""

    def tracked(self, name: str) -> int | None:
        """The offset that `name` was taken in to."""


class Rollcall(Application[UUID]):
    """All that can be asked of Rollcall, over one log. `now` is the only clock."""

    def __init__(self, recorder: ProcessRecorder, log: Log, now: Callable[[], datetime]) -> None:
        self._given_recorder = recorder
        self._log_of_accounts = log
        self.now = now
        self._schemas: dict[UUID, Schema] = {}
        self._accounts: dict[UUID, Account] = {}
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:
        """Nothing is read from the environment here: settings have one home."""
        return Environment(name, {})

    def construct_mapper(self) -> EventMapper:
        """Our events are pydantic models."""
        return EventMapper()

    def construct_recorder(self) -> ProcessRecorder:
        """The recorder that we were given."""
        return self._given_recorder

    # Accounts

    def create_account(self, name: str, timezone: str, country: str) -> Saved:
        """Create the account called `name`. Raises `Invalid`; `Refused` (`account_exists`)."""
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise Invalid.at("/name", "invalid_name", "needs 1 to 200 printable characters")
        zone_of(timezone)
        if not is_country(country):
            raise Invalid.at("/country", "unknown_country", f"{country!r} is not a two-letter country code such as PT")
        account_id = account_id_of(name)
        event = AccountCreated(**self._next(account_id, account_id, 0), name=name, timezone=timezone, country=country)
        try:
            return Saved(account_id, 1, self._put(account_id, [event]))
        except IntegrityError:
            raise Refused("account_exists", f"there is an account called {name!r} already") from None

    def create_key(self, account_id: UUID, name: str, kind: KeyKind, secret: str | None = None) -> NewKey:
        """Hand out an API key, random unless `secret` is given. Raises `Invalid`, `NotFound`, `Refused`."""
        name, _ = segments.check_texts(name, "")
        fresh = new_secret(secret)

        def write() -> NewKey:
            account = self._read_account(account_id)
            if fresh.key_id in account.keys:
                raise Refused("key_exists", "this key was handed out already")
            event = ApiKeyCreated(
                **self._next(account_id, account_id, account.version),
                key_id=fresh.key_id, name=name, kind=kind, secret_sha256=fresh.sha256,
            )  # fmt: skip
            return NewKey(fresh.key_id, fresh.key, self._put(account_id, [event]))

        return self._repeat(write)

    def revoke_key(self, account_id: UUID, key_id: str) -> int:
        """Take a key back; the position after it. Raises `NotFound`."""

        def write() -> int:
            account = self._read_account(account_id)
            if key_id not in account.keys:
                raise NotFound("key_not_found", "no such API key in this account")
            event = ApiKeyRevoked(**self._next(account_id, account_id, account.version), key_id=key_id)
            return self._put(account_id, [event])

        return self._repeat(write)

    def account(self, account_id: UUID) -> Account:
        """The account as its events made it. Raises `NotFound`."""
        return self._read_account(account_id)

    # Attributes

    def attributes(self, account_id: UUID) -> dict[str, Attribute]:
        """Every attribute of the account, built-in ones first."""
        return self._read_schema(account_id).attributes()

    def declare_attribute(
        self, account_id: UUID, key: str, kind: AttributeType, label: str | None, used_by: Sequence[str] = ()
    ) -> Saved:
        """Give an attribute its type or its label; `used_by` are the names of segments that read it.

        Raises `Invalid`; `Refused` where the attribute has another type already.
        """
        if not is_attribute_key(key) or key in RESERVED:
            raise Invalid.at("/key", "invalid_attribute_key", "a-z, 0-9 and _, a letter first, and not a built-in name")
        if kind not in ATTRIBUTE_TYPES:
            raise Invalid.at("/type", "unknown_type", f"needs one of {', '.join(ATTRIBUTE_TYPES)}")
        label = segments.check_texts(label, "")[0] if label and label.strip() else None

        def write() -> Saved:
            schema = self._read_schema(account_id)
            known = schema.types.get(key)
            if known is not None and known != kind:
                if used_by:
                    raise Refused("attribute_in_use", f"{key} is a {known} and read by: {', '.join(used_by)}")
                raise Refused("attribute_type_fixed", f"{key} is a {known}; use another key for another type")
            if known == kind and schema.labels.get(key) == label:
                return Saved(schema_id_of(account_id), schema.version, self.head())
            event = AttributeDeclared(
                **self._next(account_id, schema_id_of(account_id), schema.version), key=key, type=kind, label=label
            )
            return Saved(event.originator_id, event.originator_version, self._put(account_id, [event]))

        return self._repeat(write)

    # Customers

    def change_customers(
        self,
        account_id: UUID,
        changes: Sequence[CustomerChange],
        *,
        tracking: Tracking | None = None,
        dead_letters: Sequence[DeadLetter] = (),
        dead_letter_of: Callable[[int, tuple[FieldError, ...]], DeadLetter] | None = None,
        expected_version: int | None = None,
    ) -> Changed:
        """Take in a batch of changes: events, states, dead letters and the source's position in one transaction.

        Invalid changes are reported in their outcome (and stored as `dead_letter_of` makes them); the
        others take effect. `expected_version` is for a single change. Raises `StaleVersion` where the
        customer has another version, or (`stale_tracking`) where another process moved the source.
        """

        def write() -> Changed:
            batch = self._fold(account_id, changes, expected_version)
            letters = list(dead_letters)
            if dead_letter_of is not None:
                letters += [
                    dead_letter_of(index, outcome.errors)
                    for index, outcome in enumerate(batch.outcomes)
                    if outcome.result == "invalid"
                ]
            writes = Writes(
                [(state, batch.revisions[customer_id]) for customer_id, state in batch.written.items()],
                tracking,
                letters,
            )
            if not batch.events and not batch.written and not letters and tracking is None:
                return Changed(self.head(), batch.outcomes)
            position = self._put(account_id, batch.events, writes)
            self._schemas[account_id] = batch.schema
            return Changed(position, batch.outcomes)

        return self._repeat(write, account_id)

    def _fold(self, account_id: UUID, changes: Sequence[CustomerChange], expected: int | None) -> ChangeBatch:
        targets = [change_target(account_id, change) for change in changes]
        states = self._log_of_accounts.customer_states(account_id, set(targets)) if targets else {}
        if expected is not None:
            (target,) = targets
            current = states[target].version if target in states and states[target].exists else 0
            if current != expected:
                raise StaleVersion(f"the customer is at version {current}, not {expected}; read it again", current)
        schema = self._cached_schema(account_id)
        mine = replace(schema, types=dict(schema.types), labels=dict(schema.labels))
        batch = ChangeBatch(self._cached_account(account_id), mine, states, self.now())
        for target, change in zip(targets, changes, strict=True):
            batch.take(target, change)
        return batch

    def tracked_position(self, name: str) -> int | None:
        """The offset that a source was taken in to; `None` where it never was."""
        return self._log_of_accounts.tracked(name)

    # Segments

    def create_segment(self, account_id: UUID, draft: SegmentDraft, segment_id: UUID | None = None) -> Saved:
        """Create a segment. With a `segment_id` given a second time, the first one's result is returned."""
        draft = segments.check_draft(draft)
        if draft.type == "dynamic":
            self._check_filter(account_id, draft.filter)
        segment_id = segment_id or uuid4()
        event = SegmentCreated(
            **self._next(account_id, segment_id, 0),
            name=draft.name, description=draft.description, type=draft.type, filter=draft.filter,
        )  # fmt: skip
        try:
            return Saved(segment_id, 1, self._put(account_id, [event]))
        except IntegrityError:
            return Saved(segment_id, self._read_segment(account_id, segment_id).version, self.head())

    def edit_segment(self, account_id: UUID, segment_id: UUID, edit: SegmentEdit, expected: int | None) -> Saved:
        """Change what `edit` mentions. Raises `Invalid`, `NotFound`, `Refused`; `StaleVersion` against `expected`."""
        if not isinstance(edit.filter, Keep):
            self._check_filter(account_id, edit.filter)

        def write() -> Saved:
            segment = self._read_segment(account_id, segment_id)
            _check_version(segment, expected)
            events = list(self._edits(account_id, segment, edit))
            position = self._put(account_id, events) if events else self.head()
            return Saved(segment_id, segment.version + len(events), position)

        return self._repeat(write)

    def _edits(self, account_id: UUID, segment: Segment, edit: SegmentEdit) -> Iterator[Event]:
        version = segment.version
        name, description = segments.check_texts(
            segment.name if isinstance(edit.name, Keep) else edit.name,
            segment.description if isinstance(edit.description, Keep) else edit.description,
        )
        if edit.filter is not KEEP:
            segments.check_filter_edit(segment)
        if (name, description) != (segment.name, segment.description):
            yield SegmentDetailsChanged(
                **self._next(account_id, segment.segment_id, version), name=name, description=description
            )
            version += 1
        if edit.filter is not KEEP and edit.filter != segment.filter:
            yield SegmentFilterChanged(**self._next(account_id, segment.segment_id, version), filter=edit.filter)

    def delete_segment(self, account_id: UUID, segment_id: UUID, expected: int | None) -> int:
        """Delete a segment; the position after it. Raises `NotFound`; `StaleVersion` against `expected`."""

        def write() -> int:
            segment = self._read_segment(account_id, segment_id)
            _check_version(segment, expected)
            return self._put(account_id, [SegmentDeleted(**self._next(account_id, segment_id, segment.version))])

        return self._repeat(write)

    def record_recomputed(self, account_id: UUID, segment_id: UUID, version_no: int) -> None:
        """Put into the log that a version is complete; a second time it is there already. For the worker."""
        event = SegmentRecomputed(
            **self._next(account_id, uuid5(segment_id, "recomputed"), version_no - 1),
            segment_id=segment_id, version_no=version_no,
        )  # fmt: skip
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return

    def record_time_passed(self, account_id: UUID, until: datetime) -> None:
        """Put into the log that time went on to `until` for an account. For the worker."""
        version = micros(until)
        stream = uuid5(account_id, "time")
        event = TimePassed(**self._next(account_id, stream, version - 1), until=until)
        try:
            self._put(account_id, [event])
        except IntegrityError:
            return

    # The log

    def head(self) -> int:
        """The position of the last event in the log; 0 where there is none."""
        return self._log_of_accounts.head()

    def _next(self, account_id: UUID, originator_id: UUID, version: int) -> dict[str, Any]:
        return {
            "originator_id": originator_id,
            "originator_version": version + 1,
            "account_id": account_id,
            "recorded_at": self.now(),
        }

    def _put(self, account_id: UUID, events: Sequence[Event], writes: Writes | None = None) -> int:
        recordings = self.events.put(events, account_id=account_id, writes=writes)
        return recordings[-1].notification.id if recordings else self.head()

    def _repeat(self, write: Callable[[], Answer], account_id: UUID | None = None) -> Answer:
        for _ in range(ATTEMPTS):
            try:
                return write()
            except IntegrityError:
                if account_id is not None:
                    self._schemas.pop(account_id, None)
        raise Unavailable("contention", "other writers were first each time; try again")

    def _stream(self, account_id: UUID, originator_id: UUID) -> Iterator[Event]:
        return map(EventMapper().to_domain_event, self._log_of_accounts.account_events(account_id, originator_id))

    def _read_account(self, account_id: UUID) -> Account:
        account = account_of(account_id, self._stream(account_id, account_id))
        if account.version == 0:
            raise NotFound("account_not_found", "no such account")
        return account

    def _cached_account(self, account_id: UUID) -> Account:
        if account_id not in self._accounts:
            self._accounts[account_id] = self._read_account(account_id)
        return self._accounts[account_id]

    def _read_schema(self, account_id: UUID) -> Schema:
        return schema_of(self._stream(account_id, schema_id_of(account_id)))

    def _cached_schema(self, account_id: UUID) -> Schema:
        if account_id not in self._schemas:
            self._schemas[account_id] = self._read_schema(account_id)
        return self._schemas[account_id]

    def _read_segment(self, account_id: UUID, segment_id: UUID) -> Segment:
        segment = segments.segment_of(segment_id, self._stream(account_id, segment_id))
        if segment is None:
            raise NotFound("segment_not_found", "no such segment in this account")
        return segment

    def _check_filter(self, account_id: UUID, raw: Any) -> None:
        parse(raw, self._read_schema(account_id).types)


def _check_version(segment: Segment, expected: int | None) -> None:
    if expected is not None and segment.version != expected:
        raise StaleVersion(
            f"the segment is at version {segment.version}, not {expected}; read it again", segment.version
        )
