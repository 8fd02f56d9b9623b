"""An account's country, time zone and attributes. Used by most pages of the API and the console.

The account itself is a record of the write side, so that it can be asked before the read model has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.customer import BUILT_IN
from domain.filters.wording import Words
from domain.instants import Days
from domain.values import AttributeType
from projections.postgres.database import Question, beside

SQL = beside(__file__)
# Of how many accounts a process keeps the words.
READ_ANSWERS = 1_000


class AttributeRow(NamedTuple):
    """A declared or inferred attribute; of a computed one, the definition in JSON form, and whether it is served."""

    key: str
    type: AttributeType
    label: str | None
    computed: Any = None
    is_served: bool = True


def country(connection: Connection[TupleRow], account_id: UUID) -> str:
    """Returns the country of national phone numbers."""
    row = connection.execute(SQL.country, [account_id]).fetchone()
    assert row is not None, "every API key belongs to an account"
    return str(row[0])


def attributes(connection: Connection[TupleRow], account_id: UUID) -> list[AttributeRow]:
    """Returns the account's own attributes, ordered by key; built-in attributes are not among them."""
    return [
        AttributeRow(
            key, kind, label, definition and json_text.loads(definition), definition is None or bool(is_served)
        )
        for key, kind, label, definition, is_served in connection.execute(SQL.attributes, [account_id])
    ]


def words(connection: Connection[TupleRow], account_id: UUID, segments: Sequence[TupleRow] = ()) -> Words:
    """Returns what filters are put into words with: labels, types, time zone, and names of `segments` by id."""
    return words_of(connection.execute(*words_question(account_id)).fetchall(), segments)


def words_question(account_id: UUID) -> Question:
    """Asks for the words of an account; `words_of` reads the answer."""
    return Question(SQL.wording, {"account_id": account_id})


def words_of(rows: Sequence[TupleRow], segments: Sequence[TupleRow]) -> Words:
    """Returns the words that the answer to `words_question` holds, with names of `segments` by id.

    The same answer gives the same object, so that what was put into words with it can be kept.
    """
    return _words_of(tuple(rows), tuple(segments))


@lru_cache(maxsize=READ_ANSWERS)
def _words_of(rows: tuple[TupleRow, ...], segments: tuple[TupleRow, ...]) -> Words:
    own = [row[1:] for row in rows if row[1] is not None]
    labels = {key: label for key, _, label, _ in own}
    types = dict(BUILT_IN) | {key: kind for key, kind, *_ in own}
    computed = {key: json_text.loads(definition) for key, *_, definition in own if definition is not None}
    return Words(labels, types, ZoneInfo(rows[0][0]), dict(segments), computed=computed)


def types(connection: Connection[TupleRow], account_id: UUID) -> dict[str, AttributeType]:
    """Returns the type of every attribute that a filter may read, by key."""
    return dict(BUILT_IN) | {row.key: row.type for row in attributes(connection, account_id)}


def activities(connection: Connection[TupleRow], account_id: UUID) -> dict[str, dict[str, AttributeType]]:
    """Returns the types of the properties of each activity that the account knows."""
    return dict(connection.execute(SQL.activities, [account_id]).fetchall())


def calendar(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int | None = None
) -> tuple[Days, datetime]:
    """Returns the account's days, and the instant up to which its members, or one of them, reflect time."""
    row = connection.execute(SQL.calendar, {"account_id": account_id, "customer_no": customer_no}).fetchone()
    assert row is not None, "every API key belongs to an account"
    return Days(ZoneInfo(row[0])), row[1]
