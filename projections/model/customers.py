"""The customers table: the rows that a batch touches, loaded once, changed in memory, written once.

Used by the worker. Until a batch is written, what is in memory counts and not the table, for the next batch too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor

from domain import json_text
from domain.filters.facets import FOLDED, facets_of
from domain.instants import Days, from_micros, micros_of_text
from domain.search_words import words_of
from domain.stored_events import CustomerChanged
from domain.values import AttributeType, Value, instant_text, matchable
from projections.model import date_values, reach
from projections.model.date_values import Moved
from projections.model.reach import ReachRow
from projections.postgres.arrays import Uuids, column
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# Values that have columns of their own.
PROFILE = frozenset({"phone", "name", "opted_out"})
MOVING: tuple[AttributeType, ...] = ("date", "datetime")


@dataclass(slots=True)
class ProjectedCustomer:
    """One customer: `attributes` as they are shown, `matchable` as conditions compare them.

    `folded` is the part of `matchable` that is stored beside `attributes`. Instants are microseconds since 1970.
    """

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
    # Dates and instants as they were before this batch.
    dates_before: dict[str, Value | None] = field(default_factory=dict)

    def set(self, key: str, kind: AttributeType, value: Value | None, days: Days) -> dict[str, Value | None]:
        """Set a value (`None` removes it). Returns its facets, which are not yet in `matchable`."""
        if key in PROFILE:
            self.profile_changed = True
        if value is None:
            self.attributes.pop(key, None)
        else:
            self.attributes[key] = value
        facets = facets_of(key, kind, value, days)
        for facet, each in facets.items():
            if is_indexed(facet, kind):
                self.dates_before.setdefault(facet, self.matchable.get(facet))
            if kind in FOLDED or facet.endswith("@day"):
                _put(self.folded, facet, each)
        return facets

    def fill(self, values: Mapping[str, Any], types: Mapping[str, AttributeType], days: Days) -> None:
        """Set the values of a new customer, none of which is `None`, in `matchable` too."""
        for key, given in values.items():
            kind = types[key]
            value: Value = tuple(given) if isinstance(given, list) else given
            if kind in FOLDED:
                self.attributes[key] = value
                self.folded[key] = self.matchable[key] = matchable(value)
            elif kind in MOVING:
                facets = self.set(key, kind, value, days)
                self.matchable |= {facet: each for facet, each in facets.items() if each is not None}
            else:
                self.attributes[key] = self.matchable[key] = value

    def written(self) -> ProjectedCustomer:
        """The customer as the next batch finds them, once the writes of this one are made."""
        self.fresh = self.profile_changed = False
        self.dates_before = {}
        return self

    def moved_dates(self) -> Iterator[Moved]:
        """The changes of the customer's dates and instants, for the index of date values."""
        for facet, old in self.dates_before.items():
            yield self.account_id, facet, self.customer_no, old, self.matchable.get(facet)


def is_indexed(facet: str, kind: AttributeType | None) -> bool:
    """Returns whether the index of date values holds this facet of an attribute of type `kind`."""
    return kind == "date" or facet.endswith(("@day", "@age"))


def read_values(attributes: str, folded: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Value]]:
    """A customer's `attributes`, `folded` and `matchable` values, from the two columns that store them."""
    shown = json_text.loads(attributes)
    stored = {key: tuple(value) if type(value) is list else value for key, value in json_text.loads(folded).items()}
    matched = shown | stored
    for facet in stored:
        if facet.endswith("@day"):
            matched[f"{facet[:-4]}@age"] = micros_of_text(shown[facet[:-4]])
    return shown, stored, matched


def _put(into: dict[str, Any], key: str, value: Value | None) -> None:
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value


def new_customer(account_id: UUID, customer_no: int, customer_id: UUID, created_at: int) -> ProjectedCustomer:
    """A customer without values, whose first event has position `customer_no`."""
    return ProjectedCustomer(
        account_id, customer_no, customer_id, customer_no, {}, {}, {}, created_at=created_at, fresh=True
    )


@dataclass(slots=True)
class CustomerBatch:
    """The customers that one batch touches, by id."""

    by_id: dict[UUID, ProjectedCustomer] = field(default_factory=dict)
    deleted: list[ProjectedCustomer] = field(default_factory=list)
    deleted_ids: set[UUID] = field(default_factory=set)
    deleted_dates: list[Moved] = field(default_factory=list)

    def load(
        self, connection: Connection[Any], customer_ids: set[UUID], unwritten: CustomerBatch | None = None
    ) -> None:
        """Load those of these customers that exist: as `unwritten` leaves them, whose rows need not be there yet."""
        if unwritten is not None:
            for customer_id in customer_ids & unwritten.by_id.keys():
                self.by_id[customer_id] = unwritten.by_id[customer_id].written()
            customer_ids = customer_ids - self.by_id.keys() - unwritten.deleted_ids
        if customer_ids:
            self._add(connection.execute(SQL.load, [Uuids(list(customer_ids))], binary=True))

    def load_numbers(self, connection: Connection[Any], account_id: UUID, numbers: list[int]) -> None:
        """Load an account's customers by number."""
        self._add(connection.execute(SQL.load_numbers, [account_id, numbers], binary=True))

    def load_since(self, connection: Connection[Any], account_id: UUID, instant: int) -> None:
        """Load an account's customers that were touched later than an instant. For verify."""
        self._add(connection.execute(SQL.load_since, [account_id, instant], binary=True))

    def _add(self, cursor: Cursor[Any]) -> None:
        for account_id, customer_no, customer_id, position, version, updated_at, attributes, folded in cursor:
            shown, stored, matched = read_values(attributes, folded)
            self.by_id[customer_id] = ProjectedCustomer(
                account_id, customer_no, customer_id, position, shown, stored, matched, version, updated_at=updated_at
            )

    def create(
        self, event: CustomerChanged, position: int, at: int, types: Mapping[str, AttributeType], days: Days
    ) -> ProjectedCustomer:
        """Add the customer whose first event is at `position`, with its values in `matchable`."""
        customer = new_customer(event.account_id, position, event.originator_id, at)
        customer.version, customer.updated_at = event.originator_version, at
        given: dict[str, Any] = {"opted_out": False, "created_at": instant_text(from_micros(at))}
        customer.fill(given | event.values, types, days)
        self.by_id[event.originator_id] = customer
        return customer

    def delete(self, customer: ProjectedCustomer, types: Mapping[str, AttributeType]) -> None:
        """Remove a customer; one that was never written needs no DELETE."""
        del self.by_id[customer.customer_id]
        self.deleted_ids.add(customer.customer_id)
        if not customer.fresh:
            self.deleted.append(customer)
            before = customer.matchable | customer.dates_before
            self.deleted_dates += [
                (customer.account_id, facet, customer.customer_no, old, None)
                for facet, old in before.items()
                if is_indexed(facet, types.get(facet))
            ]

    def write(self, writes: RowWrites) -> None:
        """Add the writes of the customers, every one of which was touched: a statement for each kind of change."""
        deleted, self.deleted = self.deleted, []
        if deleted:
            accounts = [customer.account_id for customer in deleted]
            numbers = [customer.customer_no for customer in deleted]
            writes.add(SQL.delete, [accounts, numbers], rows=len(numbers))
        customers = self.by_id.values()
        moved = (each for customer in customers for each in customer.moved_dates())
        date_values.write(writes, [*self.deleted_dates, *moved])
        fresh = [each for each in customers if each.fresh]
        with_profile = [each for each in customers if not each.fresh and each.profile_changed]
        others = [each for each in customers if not each.fresh and not each.profile_changed]
        if fresh:
            writes.add(SQL.insert, _columns(fresh, profile=True, identity=True))
        if with_profile:
            writes.add(SQL.update_with_profile, _columns(with_profile, profile=True), rows=len(with_profile))
        if others:
            writes.add(SQL.update, _columns(others), rows=len(others))
        replaced = [(each.account_id, each.customer_no) for each in (*with_profile, *deleted)]
        reach.write(writes, [_reach(each) for each in (*fresh, *with_profile)], replaced)


def _reach(customer: ProjectedCustomer) -> ReachRow:
    value = customer.attributes.get
    return ReachRow(
        customer.account_id, customer.customer_no, customer.customer_id,
        value("phone"), value("opted_out") is True, value("external_id"), value("name"),
    )  # fmt: skip


def _search_words(customer: ProjectedCustomer) -> list[str]:
    return words_of(customer.attributes.get("name") or "", customer.attributes.get("phone") or "")


def _columns(customers: list[ProjectedCustomer], *, profile: bool = False, identity: bool = False) -> list[Any]:
    customers.sort(key=lambda each: each.customer_no)
    columns: list[list[Any]] = [
        [each.account_id for each in customers],
        [each.customer_no for each in customers],
        [each.position for each in customers],
        [each.version for each in customers],
        [each.updated_at for each in customers],
        [json_text.dumps(each.attributes) for each in customers],
        [json_text.dumps(each.folded) for each in customers],
    ]
    if profile:
        columns.append([each.attributes.get("phone") for each in customers])
        columns.append([each.attributes.get("name") for each in customers])
        columns.append([each.attributes.get("opted_out") is True for each in customers])
        # Words contain no blanks, so that blanks can separate them.
        columns.append([" ".join(_search_words(each)) for each in customers])
    if identity:
        columns.append([each.customer_id for each in customers])
        columns.append([each.created_at for each in customers])
    return [column(values) for values in columns]
