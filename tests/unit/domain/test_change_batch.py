"""A batch of changes folded in memory: which events it makes, what it refuses, and which attributes it declares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.account import Account, schema_of
from domain.commands.changes.change_batch import ChangeBatch, change_target
from domain.customer import ChangeKind, CustomerChange, parse_customer_data
from domain.stored_events import AttributeDeclared, CustomerChanged, CustomerDeleted

ACCOUNT = Account(UUID(int=7), country="PT")
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


def change(body: dict[str, Any] | None = None, kind: ChangeKind = "changed", minute: int = 0) -> CustomerChange:
    data = None if body is None else parse_customer_data(body)
    return CustomerChange("ana", kind, NOW + timedelta(minutes=minute), data)


def folded(changes: Iterable[CustomerChange]) -> ChangeBatch:
    batch = ChangeBatch(ACCOUNT, schema_of([]), {}, NOW)
    for each in changes:
        batch.fold(change_target(ACCOUNT.account_id, each), each)
    return batch


def results(batch: ChangeBatch) -> list[str]:
    return [outcome.result for outcome in batch.outcomes]


def refusals(body: dict[str, Any]) -> list[tuple[str, str]]:
    batch = folded([change(body)])
    assert results(batch) == ["invalid"]
    assert (batch.events, batch.touched) == ([], {})
    return [(each.pointer, each.code) for each in batch.outcomes[0].errors]


def test_the_event_says_what_took_effect_and_nothing_else() -> None:
    bodies = [{"plan": "gold", "city": "Porto"}, {"plan": " gold "}, {"plan": "free", "city": "Porto"}]
    batch = folded(change({"attributes": each}) for each in bodies)
    assert results(batch) == ["created", "unchanged", "changed"]
    first, second = (event for event in batch.events if isinstance(event, CustomerChanged))
    assert (first.created, first.values) == (True, {"plan": "gold", "city": "Porto", "external_id": "ana"})
    assert (second.created, second.values) == (False, {"plan": "free"})


def test_a_repeated_import_of_equal_values_adds_no_event() -> None:
    body = {"name": "Ana", "phone": "912345678", "tags": ["b", "a"], "attributes": {"plan": "gold"}}
    batch = folded([change(body)])
    before = len(batch.events)
    batch.fold(next(iter(batch.states)), change(body, minute=1))
    assert results(batch) == ["created", "unchanged"]
    assert len(batch.events) == before


def test_a_national_phone_number_is_read_with_the_account_s_country() -> None:
    (state,) = folded([change({"phone": " 912 345 678 "})]).states.values()
    assert state.phone == "+351912345678"
    assert refusals({"phone": "12"}) == [("/phone", "invalid_phone")]


def test_the_first_value_of_an_attribute_declares_its_type_before_the_change() -> None:
    batch = folded([change({"attributes": {"score": Decimal("1.50"), "nothing": None}})])
    declared, changed = batch.events
    assert isinstance(declared, AttributeDeclared)
    assert (declared.key, declared.type) == ("score", "number")
    assert isinstance(changed, CustomerChanged)
    assert changed.values["score"] == Decimal("1.5")
    assert "nothing" not in batch.schema.types


def test_a_value_of_another_type_makes_the_whole_change_invalid() -> None:
    batch = folded(
        [change({"attributes": {"score": 1}}), change({"name": "Ana", "attributes": {"score": "1"}}, minute=1)]
    )
    assert results(batch) == ["created", "invalid"]
    assert [each.pointer for each in batch.outcomes[1].errors] == ["/attributes/score"]
    assert batch.states[batch.outcomes[0].customer_id].to_customer().values.get("name") is None


def test_an_invalid_change_declares_no_types() -> None:
    batch = folded([change({"attributes": {"fresh": 1, "bad": {}}}), change({"attributes": {"fresh": "text"}})])
    assert results(batch) == ["invalid", "created"]
    assert batch.schema.types["fresh"] == "text"


@pytest.mark.parametrize("key", ["phone", "segment", "created_at", "opted_out"])
def test_a_built_in_name_cannot_be_set_as_an_attribute(key: str) -> None:
    assert refusals({"attributes": {key: "x"}}) == [(f"/attributes/{key}", "reserved_attribute")]


def test_every_mistake_of_a_change_is_reported() -> None:
    body = {"phone": "x", "name": "a\x00", "attributes": {"Bad Key": 1, "too_long": "x" * 5_000}}
    assert refusals(body) == [
        ("/phone", "invalid_phone"),
        ("/name", "invalid_text"),
        ("/attributes/Bad Key", "invalid_attribute_key"),
        ("/attributes/too_long", "text_too_long"),
    ]


def test_a_body_with_another_external_id_is_refused() -> None:
    assert refusals({"external_id": "bruno"}) == [("/external_id", "external_id_mismatch")]


@pytest.mark.parametrize("external_id", ["", " ana", "a\nb", "x" * 513])
def test_an_external_id_that_cannot_be_stored_is_refused(external_id: str) -> None:
    batch = folded([CustomerChange(external_id, "changed", NOW)])
    assert [(each.pointer, each.code) for each in batch.outcomes[0].errors] == [("/external_id", "invalid_identifier")]


def test_opting_out_and_in_are_changes_of_one_attribute() -> None:
    batch = folded([change(kind="opted_out"), change(kind="opted_in", minute=1), change(kind="opted_in", minute=2)])
    assert results(batch) == ["created", "changed", "unchanged"]
    assert [event.values for event in batch.events if isinstance(event, CustomerChanged)][1] == {"opted_out": False}


def test_a_deletion_is_an_event_of_its_own_and_versions_continue_after_it() -> None:
    batch = folded([change({"name": "Ana"}), change(kind="deleted", minute=1), change({"name": "Eva"}, minute=2)])
    assert results(batch) == ["created", "deleted", "created"]
    assert isinstance(batch.events[1], CustomerDeleted)
    assert [event.originator_version for event in batch.events] == [1, 2, 3]


@pytest.mark.parametrize("values", [{"phone": "+351912345678"}, {"phone": "+351912345678", "name": "Ana"}])
def test_the_fast_path_for_new_customers_of_a_file_equals_the_usual_one(values: dict[str, Any]) -> None:
    who = UUID(int=1)
    quick, usual = (ChangeBatch(ACCOUNT, schema_of([]), {}, NOW) for _ in range(2))
    quick.fold_new(who, "import:1", dict(values))
    usual.fold_values(who, CustomerChange(None, "changed", NOW, source="import:1", customer_id=who), dict(values))
    assert quick.events == usual.events
    assert quick.states_to_store() == usual.states_to_store()
    assert quick.states == usual.states


@pytest.mark.parametrize("written", ["\u202a+351 912 345 678\u202c", "\ufeff912345678", "912 345\u200b 678 "])
def test_a_phone_number_is_read_without_characters_that_show_nothing(written: str) -> None:
    (state,) = folded([change({"phone": written})]).states.values()
    assert state.phone == "+351912345678"


def test_a_repeated_line_of_a_bulk_does_not_opt_in_again() -> None:
    body = parse_customer_data({"phone": "912345678", "opted_out": False})
    line = CustomerChange("ana", "changed", None, body, "bulk:1", "1")
    batch = folded([line])
    assert list(batch.number_changes().opted_in) == ["+351912345678"]
    again = ChangeBatch(ACCOUNT, schema_of([]), batch.states, NOW)
    again.fold(change_target(ACCOUNT.account_id, line), line)
    assert (results(again), dict(again.number_changes().opted_in)) == (["duplicate"], {})


def test_a_partial_change_takes_effect_without_the_values_that_are_invalid() -> None:
    body = {"phone": "12", "name": "Ana", "attributes": {"plan": "gold", "Bad": 1, "score": {"a": 1}}}
    batch = folded([change(body)._replace(partial=True)])
    (outcome,) = batch.outcomes
    assert outcome.result == "created"
    assert [(each.pointer, each.code) for each in outcome.errors] == [
        ("/phone", "invalid_phone"),
        ("/attributes/Bad", "invalid_attribute_key"),
        ("/attributes/score", "invalid_value"),
    ]
    created = next(each for each in batch.events if isinstance(each, CustomerChanged))
    assert created.values == {"name": "Ana", "plan": "gold", "external_id": "ana"}


def test_a_partial_change_is_refused_where_it_is_not_a_value_that_is_wrong() -> None:
    late = change({"name": "Ana"}, minute=10)
    for wrong in (late, change({"name": "Ana"})._replace(external_id=" "), late._replace(source="")):
        batch = folded([wrong._replace(partial=True)])
        assert (results(batch), batch.events) == (["invalid"], [])
