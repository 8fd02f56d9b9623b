"""The log as the application's commands use it: append with optimism, read a stream, read what an account knows.

The base of `domain.commands.application.Rollcall`. Writers do not wait for each other: each decides on what it
read, the log refuses what is stale, and the command reads again and repeats. The library gives the log,
its order and its positions; the `Log` protocol is what we need beyond it, implemented by
`projections.records.event_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent
from eventsourcing.utils import Environment

from domain.account import Account, Schema, account_of, schema_id_of, schema_of
from domain.customer import CustomerState, DeadLetter
from domain.errors import NotFound, Unavailable
from domain.import_lines import ImportStep
from domain.stored_events import Event, EventMapper

ATTEMPTS = 20
Answer = TypeVar("Answer")


class Saved(NamedTuple):
    """What a write made: the aggregate, its version, and the log position that includes it."""

    id: UUID
    version: int
    position: int


class Tracking(NamedTuple):
    """How far a source was taken in: `offset` now, `previous` when this writer looked."""

    name: str
    offset: int
    previous: int | None


class Moved(NamedTuple):
    """Customers who come into a static segment, or leave it; `deleted` ones leave every static segment."""

    segment_id: UUID | None = None
    added: Sequence[UUID] = ()
    removed: Sequence[UUID] = ()
    deleted: Sequence[UUID] = ()


class Writes(NamedTuple):
    """What goes into the transaction of a batch beside its events."""

    states: Sequence[tuple[CustomerState, int]] = ()
    tracking: Tracking | None = None
    dead_letters: Sequence[DeadLetter] = ()
    moved: Moved = Moved()
    import_step: ImportStep | None = None
    # Refused where the account's segments or their filters changed after this position: what was decided may be wrong.
    filters_as_of: int | None = None


class Log(Protocol):
    """What the event store offers beyond the library's recorder."""

    def account_events(self, account_id: UUID, originator_id: UUID) -> Sequence[StoredEvent]:
        """The stream of one aggregate, oldest first, as the account may see it."""

    def existing_segments(self, account_id: UUID, segment_ids: Iterable[UUID]) -> set[UUID]:
        """Those of the segments that were created and not deleted, in one round trip."""

    def filters_position(self, account_id: UUID) -> int:
        """The position of the last event that created or deleted a segment or changed a filter; 0 for none."""

    def customer_states(self, account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
        """The states of those customers that were ever seen, in one round trip."""

    def existing(self, account_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are customers now."""

    def static_members(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are in a static segment now."""

    def customers_by_phone(self, account_id: UUID, phones: Sequence[str]) -> dict[str, UUID]:
        """The oldest customer of each phone number that has one."""

    def import_erasures(self, account_id: UUID, import_id: UUID, phones: Sequence[str]) -> tuple[int, set[str]]:
        """How many erasures a running import has met, and those of the phone numbers that were erased by them."""

    def head(self) -> int:
        """The position of the last event."""

    def tracked(self, name: str) -> int | None:
        """The offset that `name` was taken in to."""


class LogApplication(Application[UUID]):
    """What every command builds on. `now` is the only clock."""

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
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = self._read_account(account_id)
        return account

    def _read_schema(self, account_id: UUID) -> Schema:
        return schema_of(self._stream(account_id, schema_id_of(account_id)))

    def _cached_schema(self, account_id: UUID) -> Schema:
        # Another thread may drop it between a look and an answer.
        schema = self._schemas.get(account_id)
        if schema is None:
            schema = self._schemas[account_id] = self._read_schema(account_id)
        return schema
