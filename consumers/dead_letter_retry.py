"""Retries a dead letter, for example after an attribute's type was changed.

Called by the HTTP API and the console (wired in `deploy.roles.api`). The record goes through the same parser and
the same commands as the first time; newer changes win over it, as over any late record. A crash between its
effect and the mark leaves the letter listed: another retry then reports a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from consumers.cloud_events import Ignored, Unusable, unusable_because
from consumers.records import Record
from consumers.topic_formats import RecordReader
from domain.commands.application import Rollcall
from domain.customer import TRUNCATED
from domain.errors import NotFound
from domain.formats.rows import RowChange
from projections.postgres.database import Database
from projections.records.dead_letters import Retried, StoredLetter, fail_again, resolve, unresolved


@dataclass(frozen=True, slots=True)
class DeadLetterRetry:
    """Retries dead letters of every account that the database role may see."""

    app: Rollcall
    database: Database
    reader: RecordReader

    def __call__(self, account_id: UUID, dead_letter_id: int) -> Retried:
        """Retries one letter and returns the result.

        Raises `NotFound` if it does not exist or was ingested since, `Unavailable`.
        """
        letter = unresolved(self.database, account_id, dead_letter_id)
        if letter is None:
            raise NotFound("dead_letter_not_found", "no such dead letter in this account, or it was ingested since")
        result = self._ingest(account_id, letter)
        if isinstance(result, Unusable):
            attempts = fail_again(self.database, account_id, dead_letter_id, result.code, result.message)
            return Retried("invalid", attempts, self.app.head(), code=result.code, message=result.message)
        resolve(self.database, account_id, dead_letter_id, self.reader.clock.now())
        return result

    def _ingest(self, account_id: UUID, letter: StoredLetter) -> Retried | Unusable:
        is_whole = letter.code != "unreadable_record" and letter.code not in TRUNCATED
        fault = None if is_whole else letter.message
        record = Record(letter.offset, letter.timestamp, letter.key, letter.value, letter.headers, fault, letter.code)
        change = self.reader.read(letter.topic, record)
        if isinstance(change, Unusable):
            return change
        if isinstance(change, Ignored):
            return Retried("ignored", letter.attempts + 1, self.app.head())
        if isinstance(change, RowChange):
            change = change.change
        # Its age says nothing about this system, as long as it waited for someone to retry it.
        changed = self.app.customers.change(account_id, [change._replace(arrival=None)])
        (outcome,) = changed.outcomes
        if outcome.result == "invalid":
            return unusable_because(outcome.errors[0].code, outcome.errors)
        return Retried(outcome.result, letter.attempts + 1, changed.position, outcome.customer_id)
