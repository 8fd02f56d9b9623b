"""Dead letters on their way from the table to the dead-letter topic.

Called by the relay of the ingest process (`consumers.dead_letters`). A letter is stored by the batch
that passed its record; here it is claimed, and marked once the broker has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from projections.database import Database, beside

SQL = beside(__file__)


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


def pass_on(
    database: Database, limit: int, publish: Callable[[Sequence[StoredLetter]], None], now: Callable[[], datetime]
) -> int:
    """Hand the oldest unpublished letters to `publish` and mark them when it returns; how many there were.

    A crash in between publishes them again. Raises `Unavailable` and whatever `publish` raises.
    """
    with database.spanning() as connection:
        cursor = connection.execute(SQL.claim, [limit])
        letters = [_stored(row) for row in cursor.fetchall()]
        if letters:
            publish(letters)
            connection.execute(SQL.mark_published, [now(), [letter.dead_letter_id for letter in letters]])
        return len(letters)


def _stored(row: tuple[Any, ...]) -> StoredLetter:
    letter = StoredLetter(*row)
    headers = [(name, None if content is None else bytes.fromhex(content)) for name, content in row[7]]
    return letter._replace(headers=headers)
