"""How many customers have a value of each attribute, and each value where an attribute has few different ones.

Kept by the worker: changed in memory with every event, written once a batch, so that reads scan no customers. An
attribute that had more than `MOST_VALUES` different values, or a long one, has many: its values are no longer counted
until no customer has one. This is decided event by event, so a replay in other batches decides alike; only where so
many customers were erased that those who are left never had too many values does a replay, which does not find what the
others had, count values again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.values import AttributeType
from projections.postgres.arrays import column
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
MOST_VALUES = 1_000
LONGEST_VALUE = 200
# The counts of an attribute that no customer had before.
UNSEEN: dict[str, int] = {}
# Each customer has another value of these, or nearly so.
DIFFERENT = frozenset({"phone", "name", "external_id", "created_at"})


@dataclass(slots=True)
class AttributeCounts:
    """The counts of one account: customers with a value, by key; customers by value, `None` for many values.

    `changed` holds what is to be written: the keys and, of those with few values, the values.
    """

    filled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    values: dict[str, dict[str, int] | None] = field(default_factory=dict)
    changed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, attributes: Mapping[str, Any], types: Mapping[str, AttributeType]) -> None:
        """Count the values of a customer who is new: most are texts that are known, or of attributes with many."""
        filled, values, changed = self.filled, self.values, self.changed
        for key, value in attributes.items():
            counts = values.get(key, UNSEEN)
            if counts is None or (type(value) is str and value in counts):
                filled[key] += 1
                texts = changed[key]
                if counts is not None:
                    counts[value] += 1
                    texts.add(value)
            else:
                self.change(key, types[key], None, value)

    def remove(self, attributes: Mapping[str, Any], types: Mapping[str, AttributeType]) -> None:
        """No longer count the values of a customer who is deleted."""
        for key, value in attributes.items():
            self.change(key, types[key], value, None)

    def change(self, key: str, kind: AttributeType, old: Any, new: Any) -> None:
        """Count the new value of a customer's attribute in place of the old one; `None` is no value."""
        if old == new:
            return
        changed = self.changed[key]
        if old is None:
            self.filled[key] += 1
        elif new is None:
            self.filled[key] -= 1
        counts = self.values.get(key, UNSEEN)
        if counts is UNSEEN:
            counts = self.values[key] = None if kind == "datetime" or key in DIFFERENT else {}
        if counts is None:
            if not self.filled[key]:
                del self.values[key]
            return
        for text in _texts(kind, old):
            counts[text] -= 1
            changed.add(text)
            if not counts[text]:
                del counts[text]
        for text in _texts(kind, new):
            counts[text] = counts.get(text, 0) + 1
            changed.add(text)
            if len(counts) > MOST_VALUES or len(text) > LONGEST_VALUE:
                changed.update(counts)
                self.values[key] = None
                return


@dataclass(slots=True)
class CountsToCome(AttributeCounts):
    """Stands in for the counts where another worker keeps them: it keeps each change, with its event's `position`."""

    position: int = 0
    changes: list[tuple[int, str, Any, Any]] = field(default_factory=list)

    def add(self, attributes: Mapping[str, Any], types: Mapping[str, AttributeType]) -> None:
        """Keep the values of a customer who is new."""
        for key, value in attributes.items():
            self.change(key, types[key], None, value)

    def change(self, key: str, kind: AttributeType, old: Any, new: Any) -> None:
        """Keep a change of a customer's attribute."""
        if old != new:
            self.changes.append((self.position, key, old, new))


def load(connection: Connection[Any], shards: Set[int]) -> dict[UUID, AttributeCounts]:
    """The counts of the accounts of shards."""
    loaded: dict[UUID, AttributeCounts] = defaultdict(AttributeCounts)
    of_shards = {"shards": list(shards)}
    for account_id, key, customers, many in connection.execute(SQL.load_filled, of_shards):
        loaded[account_id].filled[key] = customers
        loaded[account_id].values[key] = None if many else {}
    for account_id, key, value, customers in connection.execute(SQL.load_values, of_shards):
        counts = loaded[account_id].values[key]
        assert counts is not None, "an attribute with many values has none that are counted"
        counts[value] = customers
    return loaded


def write(writes: RowWrites, accounts: Mapping[UUID, AttributeCounts]) -> None:
    """Add the writes of what changed since the last time."""
    filled: list[tuple[UUID, str, int, bool]] = []
    unfilled: list[tuple[UUID, str]] = []
    counted: list[tuple[UUID, str, str, int]] = []
    gone: list[tuple[UUID, str, str]] = []
    many: list[tuple[UUID, str]] = []
    for account_id, account in accounts.items():
        changed, account.changed = account.changed, defaultdict(set)
        for key, texts in changed.items():
            counts = account.values.get(key, UNSEEN)
            if account.filled[key]:
                filled.append((account_id, key, account.filled[key], counts is None))
            else:
                # As if it never had a value: a replay finds none where all who had one are erased.
                unfilled.append((account_id, key))
            if counts is None:
                many += [(account_id, key)] if texts else []
                continue
            counted += [(account_id, key, text, counts[text]) for text in texts if text in counts]
            gone += [(account_id, key, text) for text in texts if text not in counts]
    for statement, rows in (
        (SQL.put_filled, filled), (SQL.delete_filled, unfilled),
        (SQL.put_values, counted), (SQL.delete_values, gone), (SQL.delete_many, many),
    ):  # fmt: skip
        if rows:
            # In one order, so that rows are found beside one another.
            writes.add(statement, [column(values) for values in zip(*sorted(rows), strict=True)])


def _texts(kind: AttributeType, value: Any) -> Iterable[str]:
    """The texts under which a value is counted: a list counts for each of its texts."""
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case bool():
            return ("true" if value else "false",)
        case Decimal():
            return (f"{value:f}",)
    return (str(value),) if kind == "number" else value
