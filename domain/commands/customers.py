"""Commands on customers: changes, a batch at a time, from the consumers, the API and the console; and erasure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from domain.commands.account_reader import AccountReader
from domain.commands.changes.activity_fold import activity_mark, fold_activity
from domain.commands.changes.change_batch import COMPUTED, ChangeBatch, change_target
from domain.commands.customer_state import Customer, CustomerState
from domain.commands.log import Log, MemberChanges, Receipt, Received, Tracking, Writes
from domain.customer import CustomerChange, DeadLetter, Outcome
from domain.errors import FieldError, NotFound, StaleVersion
from domain.instants import Arrival
from domain.texts.language import said


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcomes of a batch, one for each change, in order, and the log position after it."""

    position: int
    outcomes: list[Outcome]
    states: Mapping[UUID, CustomerState]

    def customer(self, outcome: Outcome) -> Customer | None:
        """The customer of an outcome as the batch leaves them; `None` where there is none."""
        state = self.states.get(outcome.customer_id)
        return state.to_customer() if state is not None and state.exists else None


class CustomerCommands:
    """Customers."""

    def __init__(self, log: Log, accounts: AccountReader) -> None:
        self._log = log
        self._accounts = accounts

    def change(
        self,
        account_id: UUID,
        changes: Sequence[CustomerChange],
        *,
        tracking: Sequence[Tracking] = (),
        dead_letters: Sequence[DeadLetter] = (),
        dead_letter_of: Callable[[int, tuple[FieldError, ...]], DeadLetter] | None = None,
        receipts_of: Callable[[Sequence[Outcome]], Mapping[Receipt, int]] | None = None,
        expected_version: int | None = None,
    ) -> Changed:
        """Ingest a batch of changes: events, states, dead letters and the sources' positions in one transaction.

        Invalid changes are reported in their outcome (and stored as `dead_letter_of` makes them); the
        others take effect. `receipts_of` says what to count of the outcomes. `expected_version` is for a single
        change. Raises `StaleVersion` where the customer has another version, `SourceMoved` where another process moved
        a source.
        """

        def append_changes() -> Changed:
            batch = self._fold(account_id, changes, expected_version)
            refuses_computed = any(each.code == COMPUTED for outcome in batch.outcomes for each in outcome.errors)
            if refuses_computed and self._accounts.renew_schema(account_id):
                batch = self._fold(account_id, changes, expected_version)
            letters = list(dead_letters)
            if dead_letter_of is not None:
                letters += [
                    dead_letter_of(index, outcome.errors)
                    for index, outcome in enumerate(batch.outcomes)
                    if outcome.result == "invalid"
                ]
            members = MemberChanges(deleted=batch.deleted())
            received = None if receipts_of is None else Received(receipts_of(batch.outcomes), self._log.now())
            writes = Writes(
                batch.states_to_store(),
                tracking,
                letters,
                members,
                batch.number_changes(),
                received=received,
                activity_marks=batch.new_marks,
            )
            if not batch.events and not batch.touched and not letters and not tracking and received is None:
                return Changed(self._log.head(), batch.outcomes, batch.states)
            position = self._log.append(account_id, batch.events, writes)
            self._accounts.keep_schema(account_id, batch.schema)
            return Changed(position, batch.outcomes, batch.states)

        return self._log.retry(append_changes, partial(self._accounts.drop_schema, account_id))

    def erase(
        self,
        account_id: UUID,
        candidates: Sequence[UUID],
        expected_version: int | None = None,
        arrival: Arrival | None = None,
    ) -> int:
        """Erase the first of `candidates` who exists. Returns the position after it.

        Raises `NotFound`, `StaleVersion`.
        """
        states = self._log.store.customer_states(account_id, candidates)
        for customer_id in candidates:
            state = states.get(customer_id)
            if state is not None and state.exists:
                change = CustomerChange(state.external_id, "deleted", None, customer_id=customer_id, arrival=arrival)
                changed = self.change(account_id, [change], expected_version=expected_version)
                if changed.outcomes[0].result == "deleted":
                    return changed.position
        raise NotFound("customer_not_found", said("no such customer in this account"))

    def _fold(self, account_id: UUID, changes: Sequence[CustomerChange], expected: int | None) -> ChangeBatch:
        targets = [change_target(account_id, change) for change in changes]
        states = self._log.store.customer_states(account_id, set(targets)) if targets else {}
        if expected is not None:
            (target,) = targets
            current = states[target].version if target in states and states[target].exists else 0
            if current != expected:
                raise StaleVersion(
                    said(
                        "the customer is at version %(current)s, not %(expected)s; read it again",
                        current=current,
                        expected=expected,
                    ),
                    current,
                )
        schema = self._accounts.kept_schema(account_id)
        mine = replace(schema, types=dict(schema.types), labels=dict(schema.labels), activities=dict(schema.activities))
        account = self._accounts.kept_account(account_id)
        marks = [mark for each in changes if (mark := activity_mark(account_id, each)) is not None]
        known_marks = self._log.store.known_activities(account_id, marks) if marks else frozenset[UUID]()
        batch = ChangeBatch(account, mine, states, self._log.now(), self._log.skew, known_marks=known_marks)
        for target, change in zip(targets, changes, strict=True):
            if change.activity is None:
                batch.fold(target, change)
            else:
                fold_activity(batch, target, change, change.activity)
        return batch

    def tracked_offset(self, name: str) -> int | None:
        """The offset up to which a source was ingested; `None` where it never was."""
        return self._log.store.tracked_offset(name)
