"""The customers table: the rows that a batch touches, loaded once, changed in memory, written once.

Used by the worker. A row here is the truth while its batch lasts; `matchable` is what filters see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor

from domain import json_text
from domain.filters.facets import FOLDED, facets
from domain.moments import Days, from_micros, micros_of_text
from domain.stored_events import CustomerChanged
from domain.values import AttributeType, Value, instant_text, matchable
from projections.model import date_values
from projections.model.date_values import Moved
from projections.postgres.arrays import Uuids, column
from projections.postgres.database import beside

SQL = beside(__file__)
MOVING: tuple[AttributeType, ...] = ("date", "datetime")


@dataclass(slots=True)
class CustomerRow:
    """One customer: `attributes` as they are shown, `matchable` as conditions compare them."""

    account_id: UUID
    customer_no: int
    customer_id: UUID
    position: int
    attributes: dict[str, Any]
    folded: dict[str, Any]
    matchable: dict[str, Value]
    version: int = 0
    created_at: int = 0
    updated_at: int = 0
    fresh: bool = False
    profile_changed: bool = False
    # Dates and instants as they stood before this batch.
    dates_before: dict[str, Value | None] = field(default_factory=dict)

    def set(self, key: str, kind: AttributeType, value: Value | None, days: Days) -> dict[str, Value | None]:
        """Keep a new value (`None` removes it); its matchable faces, which are not yet in `matchable`."""
        if key in ("phone", "name"):
            self.profile_changed = True
        if value is None:
            self.attributes.pop(key, None)
        else:
            self.attributes[key] = value
        compared = facets(key, kind, value, days)
        for face, each in compared.items():
            if is_indexed(face, kind):
                self.dates_before.setdefault(face, self.matchable.get(face))
            if kind in FOLDED or face.endswith("@day"):
                _put(self.folded, face, each)
        return compared

    def fill(self, values: Mapping[str, Any], types: Mapping[str, AttributeType], days: Days) -> None:
        """Keep the first values of a customer, none of whom is missing, and let them be matchable at once."""
        for key, given in values.items():
            kind = types[key]
            value: Value = tuple(given) if isinstance(given, list) else given
            if kind in FOLDED:
                self.attributes[key] = value
                self.folded[key] = self.matchable[key] = matchable(value)
            elif kind in MOVING:
                found = self.set(key, kind, value, days)
                self.matchable |= {face: each for face, each in found.items() if each is not None}
            else:
                self.attributes[key] = self.matchable[key] = value

    def moved_dates(self) -> Iterator[Moved]:
        """What the index of date values has to follow."""
        for face, old in self.dates_before.items():
            yield self.account_id, face, self.customer_no, old, self.matchable.get(face)


def is_indexed(face: str, kind: AttributeType | None) -> bool:
    """Whether the index of date values holds this face of an attribute of type `kind`."""
    return kind == "date" or face.endswith(("@day", "@age"))


def read_values(attributes: str, folded: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Value]]:
    """A customer's values from the two columns that hold them: as shown, as kept apart, and all that conditions see."""
    shown = json_text.loads(attributes)
    compared = {key: tuple(value) if type(value) is list else value for key, value in json_text.loads(folded).items()}
    seen = shown | compared
    for face in compared:
        if face.endswith("@day"):
            seen[f"{face[:-4]}@age"] = micros_of_text(shown[face[:-4]])
    return shown, compared, seen


def _put(into: dict[str, Any], key: str, value: Value | None) -> None:
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value


def new_row(account_id: UUID, customer_no: int, customer_id: UUID, created_at: int) -> CustomerRow:
    """The row of a customer whose first event has position `customer_no`."""
    return CustomerRow(account_id, customer_no, customer_id, customer_no, {}, {}, {}, created_at=created_at, fresh=True)


@dataclass(slots=True)
class CustomerRows:
    """The customers of one batch, by id."""

    rows: dict[UUID, CustomerRow] = field(default_factory=dict)
    gone: list[CustomerRow] = field(default_factory=list)
    gone_dates: list[Moved] = field(default_factory=list)

    def load(self, connection: Connection[Any], customer_ids: Iterable[UUID]) -> None:
        """Bring in the rows of those customers that exist."""
        self._take(connection.execute(SQL.load, [Uuids(list(customer_ids))], binary=True))

    def load_numbers(self, connection: Connection[Any], account_id: UUID, numbers: list[int]) -> None:
        """Bring in the rows of an account's customers by number."""
        self._take(connection.execute(SQL.load_numbers, [account_id, numbers], binary=True))

    def load_since(self, connection: Connection[Any], account_id: UUID, instant: int) -> None:
        """Bring in an account's customers touched later than an instant. For verify."""
        self._take(connection.execute(SQL.load_since, [account_id, instant], binary=True))

    def _take(self, cursor: Cursor[Any]) -> None:
        for account_id, customer_no, customer_id, position, version, updated_at, attributes, folded in cursor:
            shown, compared, seen = read_values(attributes, folded)
            self.rows[customer_id] = CustomerRow(
                account_id, customer_no, customer_id, position, shown, compared, seen, version, updated_at=updated_at
            )

    def create(
        self, event: CustomerChanged, position: int, at: int, types: Mapping[str, AttributeType], days: Days
    ) -> CustomerRow:  # fmt: skip
        """The row of a customer whose first event stands at `position`, its values matchable."""
        row = self.rows[event.originator_id] = new_row(event.account_id, position, event.originator_id, at)
        row.version, row.updated_at = event.originator_version, at
        born: dict[str, Any] = {"opted_out": False, "created_at": instant_text(from_micros(at))}
        row.fill(born | event.values, types, days)
        return row

    def delete(self, row: CustomerRow, types: Mapping[str, AttributeType]) -> None:
        """Forget a customer; a row that was never written needs no deletion."""
        del self.rows[row.customer_id]
        if not row.fresh:
            self.gone.append(row)
            before = row.matchable | row.dates_before
            self.gone_dates += [
                (row.account_id, face, row.customer_no, old, None)
                for face, old in before.items()
                if is_indexed(face, types.get(face))
            ]

    def write(self, connection: Connection[Any]) -> None:
        """Write the rows, every one of which was touched, with a statement for each kind of change."""
        if self.gone:
            accounts = [row.account_id for row in self.gone]
            connection.execute(SQL.delete, [accounts, [row.customer_no for row in self.gone]], binary=True)
            self.gone = []
        date_values.write(
            connection, [*self.gone_dates, *(each for row in self.rows.values() for each in row.moved_dates())]
        )
        fresh = [row for row in self.rows.values() if row.fresh]
        known = [row for row in self.rows.values() if not row.fresh]
        if fresh:
            connection.execute(SQL.insert, _columns(fresh, profile=True, identity=True), binary=True)
        for rows, statement in (
            ([row for row in known if row.profile_changed], SQL.update_with_profile),
            ([row for row in known if not row.profile_changed], SQL.update),
        ):
            if rows:
                written = _columns(rows, profile=statement is SQL.update_with_profile, identity=False)
                connection.execute(statement, written, binary=True)


def _columns(rows: list[CustomerRow], *, profile: bool, identity: bool) -> list[Any]:
    rows.sort(key=lambda row: row.customer_no)
    columns: list[list[Any]] = [
        [row.account_id for row in rows],
        [row.customer_no for row in rows],
        [row.position for row in rows],
        [row.version for row in rows],
        [row.updated_at for row in rows],
        [json_text.dumps(row.attributes) for row in rows],
        [json_text.dumps(row.folded) for row in rows],
    ]
    if profile:
        columns += [[row.attributes.get("phone") for row in rows], [row.attributes.get("name") for row in rows]]
    if identity:
        columns += [[row.customer_id for row in rows], [row.created_at for row in rows]]
    return [column(values) for values in columns]
