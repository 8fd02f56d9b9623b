"""Dead letters on their way from the table to the dead-letter topic, or back into Rollcall.

Called by `consumers.dead_letter_publisher` and by `consumers.dead_letter_retry`. A letter
is stored in the transaction of its batch; here it is published, and marked once the broker has it or a retry
succeeded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.types.json import Jsonb

from domain.customer import DeadLetter, Result
from projections.postgres.database import Database, beside

SQL = beside(__file__)
RetryResult = Literal[Result, "ignored"]


class StoredLetter(NamedTuple):
    """A dead letter as it was stored."""

    dead_letter_id: int
    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    code: str
    message: str
    attempts: int
    first_failed_at: datetime


class Retried(NamedTuple):
    """The outcome of a retry; where the result is `invalid`, `code` and `message` say why, and the letter stays."""

    result: RetryResult
    attempts: int
    position: int
    customer_id: UUID | None = None
    code: str | None = None
    message: str | None = None


def store(cursor: Cursor[Any], account_id: UUID, letters: Sequence[DeadLetter]) -> None:
    """Store the letters of a batch, in its transaction."""
    if letters:
        cursor.executemany(SQL.insert, [_columns(account_id, letter) for letter in letters])


def unresolved(database: Database, account_id: UUID, dead_letter_id: int) -> StoredLetter | None:
    """The letter with this id, where the account has it and no retry has succeeded."""
    with database.transaction(account_id) as connection:
        row = connection.execute(SQL.unresolved, [account_id, dead_letter_id]).fetchone()
    return None if row is None else _stored(row)


def resolve(database: Database, account_id: UUID, dead_letter_id: int, now: datetime) -> None:
    """Mark a letter whose retry succeeded."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.resolve, [now, account_id, dead_letter_id])


def fail_again(database: Database, account_id: UUID, dead_letter_id: int, code: str, message: str) -> int:
    """Store why a letter failed this time. Returns how often it has been tried."""
    with database.transaction(account_id, read_only=False) as connection:
        row = connection.execute(SQL.fail_again, [code, message, account_id, dead_letter_id]).fetchone()
    return int(row[0]) if row else 0


def pass_on(
    database: Database, limit: int, publish: Callable[[Sequence[StoredLetter]], None], now: Callable[[], datetime]
) -> int:
    """Hand the oldest unpublished letters to `publish` and mark them when it returns. Returns how many.

    One process at a time; 0 also where another one is publishing. A crash in between publishes them again.
    Raises `Unavailable` and whatever `publish` raises.
    """
    with database.spanning() as connection:
        if connection.execute(SQL.only_relay).fetchone() != (True,):
            return 0
        letters = [_stored(row) for row in connection.execute(SQL.unpublished, [limit])]
        if letters:
            publish(letters)
            connection.execute(SQL.mark_published, [now(), [letter.dead_letter_id for letter in letters]])
        return len(letters)


def _stored(row: tuple[Any, ...]) -> StoredLetter:
    letter = StoredLetter(*row)
    headers = [(name, None if content is None else bytes.fromhex(content)) for name, content in row[7]]
    return letter._replace(headers=headers)


def _columns(account_id: UUID, letter: DeadLetter) -> list[Any]:
    headers = [[name, None if content is None else content.hex()] for name, content in letter.headers]
    return [
        account_id,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.timestamp,
        letter.key,
        letter.value,
        Jsonb(headers),
        letter.code,
        letter.message,
        letter.first_failed_at,
    ]
