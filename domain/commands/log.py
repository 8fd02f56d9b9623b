"""The log as the commands use it: read a stream, decide, append with an optimistic lock.

Every command class is built over one `Log`. Writers do not wait for each other: each decides on what it read, the
store refuses what is stale, and the command reads again and repeats. `LogStore` is what the log needs of the place
that keeps it, implemented by `projections.records.event_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from domain.commands.customer_state import CustomerState
from domain.commands.event_mapper import EventMapper
from domain.customer import CLOCK_SKEW, DeadLetter
from domain.errors import Unavailable
from domain.import_lines import ImportStep
from domain.instants import micros
from domain.jobs.job import JobStep, NewJob
from domain.stored_events import Event

ATTEMPTS = 20
Answer = TypeVar("Answer")


class Saved(NamedTuple):
    """The result of a write: the aggregate, its version, and the log position that includes it."""

    id: UUID
    version: int
    position: int


class Tracking(NamedTuple):
    """How far a source is ingested: `offset` with this batch, `previous` when this writer read it."""

    name: str
    offset: int
    previous: int | None


class MemberChanges(NamedTuple):
    """Customers added to and removed from a static segment; `deleted` ones are removed from every static segment."""

    segment_id: UUID | None = None
    added: Sequence[UUID] = ()
    removed: Sequence[UUID] = ()
    deleted: Sequence[UUID] = ()


class NumberChanges(NamedTuple):
    """Phone numbers by what happened to them, each with its instant in microseconds since 1970.

    `suppressed`: a customer was erased who had opted out. `opted_in`: a change says that the customer has not.
    """

    suppressed: Mapping[str, int] = MappingProxyType({})
    opted_in: Mapping[str, int] = MappingProxyType({})


class Receipt(NamedTuple):
    """What is counted of what a door receives: a message of a type, a record of a topic, a value that was left out."""

    door: str
    subject: Literal["message", "record", "value"]
    name: str
    result: str


class Received(NamedTuple):
    """How often each receipt is to be counted, and as of when."""

    counts: Mapping[Receipt, int]
    at: datetime


class Writes(NamedTuple):
    """What is stored in the transaction of a batch beside its events."""

    states: Sequence[tuple[CustomerState, int]] = ()
    tracking: Sequence[Tracking] = ()
    dead_letters: Sequence[DeadLetter] = ()
    members: MemberChanges = MemberChanges()
    numbers: NumberChanges = NumberChanges()
    import_step: ImportStep | None = None
    job_step: JobStep | None = None
    new_job: NewJob | None = None
    received: Received | None = None
    # The append is refused if a segment or filter of the account changed, or an attribute was removed, after this.
    filters_as_of: int | None = None
    # The marks of facts (`domain.activities.activity.mark_of`), each with the time of its fact in microseconds.
    activity_marks: Mapping[UUID, int] = MappingProxyType({})


class LogStore(Protocol):
    """What keeps the log: the library's recorder, and what the commands read to decide."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append events of one account (`account_id`) and what `writes` adds, in one transaction; their positions.

        Each is stored with its effective time: the later of when it was recorded (`recorded_at`, in microseconds since
        1970, for each) and the effective time of the event before it in the log.

        Raises the library's `IntegrityError` where something was decided on stale data, `SourceMoved` where another
        process moved the source, `Unavailable`.
        """

    def account_events(self, account_id: UUID, originator_id: UUID) -> Sequence[StoredEvent]:
        """The stream of one aggregate, oldest first, as the account may see it."""

    def stream_at(self, account_id: UUID, position: int) -> UUID | None:
        """The aggregate whose event is at a position of the log; `None` where it is none of the account's."""

    def existing_segments(self, account_id: UUID, segment_ids: Iterable[UUID]) -> set[UUID]:
        """Those of the segments that were created and not deleted, in one round trip."""

    def filters_position(self, account_id: UUID) -> int:
        """The position of the last event that created or deleted a segment, changed a filter, or removed an attribute.

        0 where there is none.
        """

    def filters_with(self, account_id: UUID, text: str) -> list[UUID]:
        """The segments, oldest first, whose filter holds a text anywhere."""

    def customer_states(self, account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
        """The states of those customers that were ever seen, in one round trip."""

    def known_activities(self, account_id: UUID, marks: Sequence[UUID]) -> Set[UUID]:
        """Those of the marks whose facts were taken in before."""

    def existing_customers(self, account_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are customers now."""

    def static_members(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are in a static segment now."""

    def customers_by_phone(self, account_id: UUID, phones: Sequence[str]) -> dict[str, UUID]:
        """The oldest customer of each phone number that has one."""

    def import_erasures(self, account_id: UUID, import_id: UUID, phones: Sequence[str]) -> tuple[int, set[str]]:
        """How many erasures a running import has met, and those of the phone numbers that were erased by them."""

    def head(self) -> int:
        """The position of the last event."""

    def tracked_offset(self, name: str) -> int | None:
        """The offset up to which the source `name` was ingested; `None` where it never was."""


class Log:
    """The log of all accounts over one store. `now` is the only clock, which no change may pass by more than `skew`."""

    def __init__(self, store: LogStore, now: Callable[[], datetime], skew: timedelta = CLOCK_SKEW) -> None:
        self.store = store
        self.now = now
        self.skew = skew
        self._mapper = EventMapper()

    def head(self) -> int:
        """The position of the last event in the log; 0 where there is none."""
        return self.store.head()

    def stream(self, account_id: UUID, originator_id: UUID) -> Iterator[Event]:
        """The events of one aggregate, oldest first."""
        return map(self._mapper.to_domain_event, self.store.account_events(account_id, originator_id))

    def envelope(self, account_id: UUID, originator_id: UUID, version: int) -> dict[str, Any]:
        """The fields that every event has, for the one that follows `version` of its aggregate."""
        return {
            "originator_id": originator_id,
            "originator_version": version + 1,
            "account_id": account_id,
            "recorded_at": self.now(),
        }

    def append(self, account_id: UUID, events: Sequence[Event], writes: Writes | None = None) -> int:
        """Append events, with what `writes` adds, in one transaction; the position after it.

        Raises the library's `IntegrityError` where another writer was first.
        """
        stored = [self._mapper.to_stored_event(event) for event in events]
        recorded_at = [micros(event.recorded_at) for event in events]
        positions = self.store.insert_events(stored, account_id=account_id, writes=writes, recorded_at=recorded_at)
        return positions[-1] if positions else self.head()

    def append_once(self, account_id: UUID, event: Event) -> int | None:
        """Append an event; its position, or `None` where its aggregate has an event of this version already."""
        try:
            return self.append(account_id, [event])
        except IntegrityError:
            return None

    def retry(self, attempt: Callable[[], Answer], on_conflict: Callable[[], None] = lambda: None) -> Answer:
        """Call `attempt`, which reads, decides and appends, until no other writer was first. Raises `Unavailable`."""
        for _ in range(ATTEMPTS):
            try:
                return attempt()
            except IntegrityError:
                on_conflict()
        raise Unavailable("contention", "other writers were first each time; try again")
