"""What is known of attributes: how many customers have a value of each, and which values with how many customers.

Used by `api.v1.attributes` and the console. The worker keeps the counts (`projections.model.attributes.counts`), so
that none of this scans the customers. Of an attribute with too many different values to be counted, the values of the
newest customers stand for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.values import AttributeType, fold
from projections.postgres.database import beside

SQL = beside(__file__)
# Of so many of the newest customers the values are counted where there are too many to count them of all.
NEWEST = 2_000
NEWEST_SAMPLED = 50
SAMPLES = 3
EVERY_CUSTOMER = "opted_out"


class Fill(NamedTuple):
    """How many customers have a value of an attribute; `many`: of too many different ones to be counted."""

    customers: int = 0
    many: bool = False


class ValueCount(NamedTuple):
    """A value that some customers have, as it is in JSON; of a list, one of its texts."""

    value: Any
    customers: int


class Known(NamedTuple):
    """The values of an attribute, the most frequent first; of `among` customers, `None` for all."""

    values: list[ValueCount]
    among: int | None


def fill(connection: Connection[TupleRow], account_id: UUID) -> dict[str, Fill]:
    """Returns how many customers have a value of each attribute, by key; none for attributes never seen."""
    return {key: Fill(*row) for key, *row in connection.execute(SQL.fill, [account_id])}


def customers(filled: dict[str, Fill]) -> int:
    """Returns how many customers there are."""
    return filled.get(EVERY_CUSTOMER, Fill()).customers


def share(filled: Fill, of: int) -> float:
    """Returns the part of the customers who have a value, from 0 to 1."""
    return round(filled.customers / of, 4) if of else 0.0


def telling(filled: dict[str, Fill]) -> list[str]:
    """Returns the keys of the attributes, those first that say most of a customer: few values, that most have."""
    return sorted(filled, key=lambda key: (filled[key].many, -filled[key].customers, key))


def values(
    connection: Connection[TupleRow], account_id: UUID, key: str, kind: AttributeType, search: str = ""
) -> Known:
    """Returns the values of an attribute that hold `search`, in any case."""
    asked = {"account_id": account_id, "key": key, "newest": NEWEST}
    is_counted, among = connection.execute(SQL.is_counted, asked).fetchone() or (True, 0)
    rows = connection.execute(SQL.counted if is_counted else SQL.newest_values, asked).fetchall()
    wanted = fold(search.strip())
    found = [ValueCount(value_of(kind, text), count) for text, count in rows if wanted in fold(text)]
    return Known(found, None if is_counted else among)


def samples(connection: Connection[TupleRow], account_id: UUID, keys: Sequence[str]) -> dict[str, list[str]]:
    """Returns some values of each attribute as texts: the most frequent ones, else those of the newest customers.

    One more than `SAMPLES` where there are more.
    """
    asked = {"account_id": account_id, "keys": list(keys), "most": SAMPLES + 1, "newest": NEWEST_SAMPLED}
    found: dict[str, list[str]] = {}
    for key, text in connection.execute(SQL.samples, asked):
        found.setdefault(key, []).append(text)
    return found


def value_of(kind: AttributeType, text: str) -> Any:
    """Returns the value that is counted under a text."""
    return json_text.loads(text) if kind in ("boolean", "number") else text


def in_words(found: Iterable[ValueCount], most: int) -> str:
    """Returns the first values with their counts: "PT (812), ES (40)"."""
    return ", ".join(f"{text_of(each.value)} ({each.customers:,})" for each in list(found)[:most])


def text_of(value: Any) -> str:
    """Returns a value as people read it."""
    return "True" if value is True else "False" if value is False else str(value)
