"""A dead letter taken in again, on somebody's word that it can succeed by now.

Called by the HTTP door (wired in `deploy.wiring`). The record goes through the same parser and the same
application as it did; what it says loses against newer changes, as any late record does. A crash between
its effect and the mark leaves it listed: another retry finds that it was taken in already.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from consumers.cloud_events import Clock, Tombstone, Unusable, parse_record, unusable_because
from consumers.records import Record
from domain.commands.application import Rollcall
from domain.customer import CustomerChange
from domain.errors import NotFound
from projections.postgres.database import Database
from projections.records.dead_letters import Retried, StoredLetter, fail_again, resolve, unresolved


@dataclass(frozen=True, slots=True)
class DeadLetterRetry:
    """Retries letters of any account that the database's role may see."""

    app: Rollcall
    database: Database
    clock: Clock

    def __call__(self, account_id: UUID, dead_letter_id: int) -> Retried:
        """What became of the letter this time. Raises `NotFound` where there is none that still waits."""
        letter = unresolved(self.database, account_id, dead_letter_id)
        if letter is None:
            raise NotFound("dead_letter_not_found", "no such dead letter in this account, or it was taken in since")
        taken = self._take(account_id, letter)
        if isinstance(taken, Unusable):
            attempts = fail_again(self.database, account_id, dead_letter_id, taken.code, taken.message)
            return Retried("invalid", attempts, self.app.head(), code=taken.code, message=taken.message)
        resolve(self.database, account_id, dead_letter_id, self.clock.now())
        return taken

    def _take(self, account_id: UUID, letter: StoredLetter) -> Retried | Unusable:
        fault = letter.message if letter.code == "unreadable_record" else None
        record = Record(letter.offset, letter.timestamp, letter.key, letter.value, letter.headers, fault)
        change = parse_record(record, self.clock)
        if isinstance(change, Unusable):
            return change
        if isinstance(change, Tombstone):
            return Retried("ignored", letter.attempts + 1, self.app.head())
        assert isinstance(change, CustomerChange)
        changed = self.app.change_customers(account_id, [change])
        (outcome,) = changed.outcomes
        if outcome.result == "invalid":
            return unusable_because(outcome.errors[0].code, outcome.errors)
        return Retried(outcome.result, letter.attempts + 1, changed.position, outcome.customer_id)
