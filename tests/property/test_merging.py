"""Changes in any order, repeated, late, after deletions: a customer is the result of all their changes by time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.account import Account, schema_of
from domain.commands.changes.change_batch import ChangeBatch
from domain.commands.customer_state import CustomerState
from domain.commands.event_mapper import EventMapper
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.stored_events import CustomerChanged, CustomerDeleted
from domain.values import Value
from tests.property.test_evaluators_agree import as_oracle
from tests.support.full_size import examples
from tests.support.oracles import oracle
from tests.support.oracles.adversarial import bodies

ACCOUNT = Account(UUID(int=1), "default", "UTC", "PT", 1)
NOW = datetime(2026, 5, 20, 10, tzinfo=UTC)

instants = st.sampled_from([0, 1, 2, 3, 4, 5, 400]).map(lambda seconds: NOW + timedelta(seconds=seconds))
data = st.fixed_dictionaries(
    {},
    optional={
        "attributes": bodies(n2=st.sampled_from(["text", True, ["a"]]), UPPER=st.just(1)) | bodies(),
        "name": st.sampled_from(["Ana", " Ana ", "", None, "ANA"]),
        "phone": st.sampled_from(["+351912345678", "", None]),
        "tags": st.sampled_from([["a", " b"], [], None, ["b", "a"]]),
        "opted_out": st.sampled_from([True, False, None]),
    },
)
one_change = st.builds(
    oracle.Change,
    key=st.sampled_from(["ana", "rui"]),
    at=instants | st.none(),
    data=data,
    deletes=st.sampled_from([False, False, False, True]),
    identity=st.none() | st.tuples(st.just("crm"), st.sampled_from("123456")),
)


def asked(change: oracle.Change) -> CustomerChange:
    return CustomerChange(
        change.key,
        "deleted" if change.deletes else "changed",
        change.at,
        None if change.deletes else CustomerData.model_validate(change.data or {}),
        *(change.identity or (None, None)),
    )


def plain(values: dict[str, Value], types: dict[str, str]) -> dict[str, Any]:
    return {key: as_oracle(types[key], value) for key, value in values.items()}


def reader(events: Sequence[Any], key: str) -> dict[str, Any] | None:
    """The values of a customer, read from the events alone."""
    values: dict[str, Any] | None = None
    for event in events:
        if event.originator_id != customer_id_of(ACCOUNT.account_id, key):
            continue
        if isinstance(event, CustomerDeleted):
            values = None
        elif isinstance(event, CustomerChanged):
            assert (values is None) == event.created
            values = {"opted_out": False} if values is None else values
            for name, value in event.values.items():
                values.pop(name, None)
                if value is not None:
                    values[name] = tuple(value) if isinstance(value, list) else value
    return values


def a_change(key: str, second: int | None, *, deletes: bool = False, **data: Any) -> oracle.Change:
    return oracle.Change(key, None if second is None else NOW + timedelta(seconds=second), data, deletes)


@settings(max_examples=examples(800), deadline=None)
@given(
    changes=st.lists(one_change, min_size=1, max_size=14),
    size=st.integers(1, 5),
    clock=st.lists(st.integers(-3, 8), min_size=14, max_size=14),
)
@example(
    changes=[
        a_change("ana", 1, opted_out=True, name="Ana"),
        a_change("ana", 3, tags=["a"]),
        a_change("ana", 2, deletes=True),
    ],
    size=1,
    clock=[0] * 14,
)
@example(
    changes=[a_change("ana", 2, deletes=True), a_change("ana", 1, name="Ana"), a_change("ana", 2)],
    size=3,
    clock=[0] * 14,
)
@example(
    changes=[a_change("ana", 5, deletes=True), a_change("ana", None, name="Ana"), a_change("ana", None, deletes=True)],
    size=1,
    clock=[0] * 14,
)
def test_changes_in_any_order_merge_by_their_times(changes: list[oracle.Change], size: int, clock: list[int]) -> None:
    """Whatever the batches: outcomes, what is seen, and what a reader of the events knows, are the oracle's.

    `clock` is what the machine's clock shows at each batch, in seconds; clocks differ, and are set.
    """
    naive = oracle.Account()
    states: dict[UUID, CustomerState] = {}
    schema = schema_of([])
    events: list[Any] = []
    for start in range(0, len(changes), size):
        states = {each: CustomerState.load(each, kept.revision, kept.dump()) for each, kept in states.items()}
        now = NOW + timedelta(seconds=clock[start])
        batch = ChangeBatch(ACCOUNT, schema, states, now)
        for change in changes[start : start + size]:
            before = len(batch.events)
            batch.fold(customer_id_of(ACCOUNT.account_id, change.key), asked(change))
            result, state = naive.take(change, now)
            actual = batch.outcomes[-1].result
            effects = [each for each in batch.events[before:] if isinstance(each, CustomerChanged | CustomerDeleted)]
            assert len(effects) == (result == "effect"), (change, actual)
            assert (actual == "invalid", actual == "duplicate") == (result == "invalid", result == "duplicate"), change
            if result != "invalid":
                kept = states.get(batch.outcomes[-1].customer_id)
                customer = kept.to_customer() if kept is not None and kept.exists else None
                assert (None if customer is None else plain(customer.values, naive.types)) == state
        events += [EventMapper().to_domain_event(EventMapper().to_stored_event(each)) for each in batch.events]
    assert schema.types == naive.types
    for key, person in naive.people.items():
        values = reader(events, key)
        assert (None if values is None else plain(values, naive.types)) == person.state()


@settings(max_examples=examples(400), deadline=None)
@given(
    changes=st.lists(
        one_change.filter(lambda each: each.at is not None), min_size=2, max_size=8, unique_by=lambda each: each.at
    ),
    order=st.randoms(),
)
def test_the_order_of_arrival_does_not_matter_where_times_differ(changes: list[oracle.Change], order: Any) -> None:
    """Redelivered and reordered, the same changes of one customer end in the same state."""
    for index, change in enumerate(changes):
        change.key, change.identity = "ana", ("crm", str(index))
        change.data = {"name": (change.data or {}).get("name"), "tags": (change.data or {}).get("tags")}
    seen = []
    for arrival in (changes, order.sample(changes, len(changes)) + changes[:3]):
        batch = ChangeBatch(ACCOUNT, schema_of([]), {}, NOW)
        for change in arrival:
            batch.fold(customer_id_of(ACCOUNT.account_id, change.key), asked(change))
        state = batch.states[customer_id_of(ACCOUNT.account_id, "ana")]
        seen.append(state.to_customer().values if state.exists else None)
    assert seen[0] == seen[1]
