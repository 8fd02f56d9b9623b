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
from domain.filters.behaviour.amounts import Amount
from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.series import History
from domain.filters.facets import FOLDED, facets_of
from domain.instants import Days, from_micros, micros_of_text
from domain.search_words import words_of
from domain.stored_events import CustomerChanged
from domain.values import AttributeType, Value, instant_text, matchable
from projections.model import date_values, reach
from projections.model.date_values import Moved
from projections.model.reach import ReachRow
from projections.postgres.arrays import Uuids, column, columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# Values that have columns of their own.
PROFILE = frozenset({"phone", "name", "opted_out"})
# In the order in which their words are kept; the phone number has a word of its own.
FOUND_FIRST = ("name", "external_id", "tags")
FOUND_LAST = frozenset({*FOUND_FIRST, "phone"})
MINUTE = 60_000_000
MOVING: tuple[AttributeType, ...] = ("date", "datetime")


@dataclass(slots=True, eq=False)
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
    # The position that is in the table; 0 of a new customer.
    stored_position: int = 0
    values_changed: bool = False
    profile_changed: bool = False
    words_changed: bool = False
    # What they did, as far as filters ask; `next_at` is when something of it may change by itself.
    history: History = field(default_factory=lambda: History(()))
    next_at: int | None = None
    # Of one with so much history that it is not kept whole: the amounts, of which a row is stored, and up to which
    # measures that says something (`None`: there is no row yet).
    has_amounts: bool = False
    amounts: dict[str, Amount] = field(default_factory=dict)
    amounts_changed: bool = False
    known_to: int | None = None
    # Facts of earlier batches, where they were loaded, and those of this one.
    facts: list[Fact] = field(default_factory=list)
    recent: list[Fact] = field(default_factory=list)
    # Dates and instants as they were before this batch.
    dates_before: dict[str, Value | None] = field(default_factory=dict)

    @property
    def is_opted_out(self) -> bool:
        """Whether campaigns do not reach them."""
        return self.attributes.get("opted_out") is True

    def set(self, key: str, kind: AttributeType, value: Value | None, days: Days) -> dict[str, Value | None]:
        """Set a value (`None` removes it). Returns its facets, which are not yet in `matchable`."""
        self.values_changed = True
        if key in PROFILE:
            self.profile_changed = True
        if kind in FOLDED:
            self.words_changed = True
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

    def set_measured(self, measure: Measure, value: Value | None, days: Days, indexed: bool) -> dict[str, Value | None]:
        """Set the value of a measure. Returns its facets that change, not yet in `matchable`.

        They are `indexed` where the index of dates and instants has them.
        """
        facets = facets_of(measure.key, measure.type, value, days)
        changed = {facet: each for facet, each in facets.items() if self.matchable.get(facet) != each}
        for facet in changed if indexed else ():
            if is_indexed(facet, measure.type):
                self.dates_before.setdefault(facet, self.matchable.get(facet))
        return changed

    def written(self) -> ProjectedCustomer:
        """The customer as the next batch finds them, once the writes of this one are made."""
        self.fresh = self.values_changed = self.profile_changed = self.words_changed = self.amounts_changed = False
        self.stored_position = self.position
        self.dates_before = {}
        self.facts, self.recent = self.recent, []  # which need not be in the table yet
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
    # Opt-outs and opt-ins by customer and minute: days begin on whole minutes, in every time zone since 1972.
    opt_outs: dict[tuple[UUID, int], dict[int, list[int]]] = field(default_factory=dict)

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
                account_id, customer_no, customer_id, position, shown, stored, matched, version, updated_at=updated_at,
                stored_position=position,
            )  # fmt: skip

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

    def note_opt_out(self, customer: ProjectedCustomer, was_opted_out: bool, at: int) -> None:
        """Count a change at an instant after which the customer is opted out and was not before, or the other way."""
        if customer.is_opted_out != was_opted_out:
            minutes = self.opt_outs.setdefault((customer.account_id, customer.customer_no), {})
            minutes.setdefault(at // MINUTE, [0, 0])[was_opted_out] += 1

    def delete(self, customer: ProjectedCustomer, types: Mapping[str, AttributeType]) -> None:
        """Remove a customer, with what was noted of them; one that was never written needs no DELETE."""
        del self.by_id[customer.customer_id]
        self.opt_outs.pop((customer.account_id, customer.customer_no), None)
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
        """Add the writes of the customers that were changed: a statement for each kind of change."""
        deleted, self.deleted = self.deleted, []
        if deleted:
            accounts = [customer.account_id for customer in deleted]
            numbers = [customer.customer_no for customer in deleted]
            writes.add(SQL.delete, [accounts, numbers], rows=len(numbers))
            writes.add(SQL.forget_opt_outs, [accounts, numbers])
        customers = [each for each in self.by_id.values() if each.position != each.stored_position]
        moved = (each for customer in customers for each in customer.moved_dates())
        date_values.write(writes, [*self.deleted_dates, *moved])
        opt_outs, self.opt_outs = self.opt_outs, {}
        if opt_outs:
            counted = [
                (account, number, minute * MINUTE, *counts)
                for (account, number), minutes in opt_outs.items()
                for minute, counts in minutes.items()
            ]
            writes.add(SQL.count_opt_outs, columns(counted))
        fresh = [each for each in customers if each.fresh]
        with_profile = [each for each in customers if not each.fresh and each.profile_changed]
        with_words = [each for each in customers if not each.fresh and (each.profile_changed or each.words_changed)]
        others = [
            each
            for each in customers
            if not each.fresh and each.values_changed and not (each.profile_changed or each.words_changed)
        ]
        touched = [each for each in customers if not each.fresh and not each.values_changed]
        if fresh:
            writes.add(SQL.insert, _columns(fresh, words=True, identity=True))
        if with_words:
            writes.add(SQL.update_with_words, _columns(with_words, words=True), rows=len(with_words))
        if others:
            writes.add(SQL.update, _columns(others), rows=len(others))
        if touched:
            rows = [(each.account_id, each.customer_no, each.position, each.updated_at) for each in touched]
            writes.add(SQL.touch, columns(sorted(rows)), rows=len(rows))
        replaced = [(each.account_id, each.customer_no) for each in (*with_profile, *deleted)]
        reach.write(writes, [_reach(each) for each in (*fresh, *with_profile)], replaced)


def _reach(customer: ProjectedCustomer) -> ReachRow:
    value = customer.attributes.get
    return ReachRow(
        customer.account_id, customer.customer_no, customer.customer_id,
        value("phone"), customer.is_opted_out, value("external_id"), value("name"),
    )  # fmt: skip


def _search_words(customer: ProjectedCustomer) -> list[str]:
    """The words of every text and list; those of the values that people know best first, as only so many are kept."""
    values = customer.attributes
    keys = [*FOUND_FIRST, *sorted(key for key in customer.folded if key in values and key not in FOUND_LAST)]
    found = (values[key] for key in keys if key in values)
    texts = [text for value in found for text in ((value,) if isinstance(value, str) else value)]
    return words_of(values.get("phone"), texts)


def _columns(customers: list[ProjectedCustomer], *, words: bool = False, identity: bool = False) -> list[Any]:
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
    if words:
        columns.append([each.attributes.get("phone") for each in customers])
        columns.append([each.attributes.get("name") for each in customers])
        columns.append([each.is_opted_out for each in customers])
        # Words contain no blanks, so that blanks can separate them.
        columns.append([" ".join(_search_words(each)) for each in customers])
    if identity:
        columns.append([each.customer_id for each in customers])
        columns.append([each.created_at for each in customers])
    return [column(values) for values in columns]
