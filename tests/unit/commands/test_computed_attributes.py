"""Computed attributes: declared, edited and removed; what they refuse, and what filters on them ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.activities.activity import Activity
from domain.commands.application import Rollcall
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import Refused
from domain.filters.conditions import measures_of
from domain.segment import SegmentDraft, SegmentEdit
from domain.stored_events import AttributeComputed, AttributeDeclared, AttributeRemoved, CustomerChanged, SegmentCreated
from tests.support.commands.given_when_then import ACCOUNT, NOW, Command, Scene, assert_events, assert_refused, happened

ORDERS = {"activity": "order", "aggregate": "count", "window": {"last_days": 30}}
MANY = {"attribute": "orders", "operator": "at_least", "value": 3}


def ordered(rollcall: Rollcall) -> None:
    activity = Activity("order", {"total": 5, "product": "hat"})
    fact = CustomerChange("ana", "activity", NOW - timedelta(days=1), activity=activity)
    rollcall.customers.change(ACCOUNT, [fact])


def compute(definition: Any = ORDERS, key: str = "orders", label: str | None = None, kind: Any = None) -> Command[Any]:
    return lambda rollcall: rollcall.attributes.compute(ACCOUNT, key, definition, label, kind)


def remove(key: str = "orders") -> Command[int]:
    return lambda rollcall: rollcall.attributes.remove(ACCOUNT, key, by="key:x")


def segment(raw: Any) -> Command[Any]:
    return lambda rollcall: rollcall.segments.create(ACCOUNT, SegmentDraft("Buyers", "", "dynamic", raw))


def set_values(**attributes: Any) -> Command[Any]:
    change = CustomerChange("ana", "changed", None, parse_customer_data({"attributes": attributes}))
    return lambda rollcall: rollcall.customers.change(ACCOUNT, [change]).outcomes[0]


def test_it_has_the_type_of_its_aggregate_and_an_equal_declaration_makes_no_event() -> None:
    event = happened(AttributeComputed, key="orders", type="number", label="Orders", definition=ORDERS)
    assert_events([ordered], compute(label=" Orders "), [event])
    latest = {"activity": "order", "aggregate": "latest", "of": "product"}
    assert_events([ordered], compute(latest), [happened(AttributeComputed, type="text")])
    assert_events([ordered, compute()], compute(ORDERS | {"where": []}, kind="number"), [])
    edited = ORDERS | {"window": {"last_days": 60}}
    assert_events([ordered, compute()], compute(edited), [happened(AttributeComputed, definition=edited)])
    assert Scene([ordered, compute()]).rollcall.attributes.all(ACCOUNT)["orders"].computed == ORDERS


@pytest.mark.parametrize(
    ("history", "command", "code"),
    [
        ([], compute(), "unknown_activity"),
        ([ordered], compute(key="phone"), "invalid_attribute_key"),
        ([ordered], compute(ORDERS | {"attribute": "orders"}), "invalid_field"),
        ([ordered], compute("orders"), "invalid_definition"),
        ([ordered], compute(kind="text"), "attribute_type_mismatch"),
        ([ordered, set_values(orders=3)], compute(), "attribute_not_computed"),
        ([ordered, compute()], compute(ORDERS | {"aggregate": "last_at"}), "attribute_type_fixed"),
        ([ordered, compute()], lambda it: it.attributes.declare(ACCOUNT, "orders", "number", None),
         "attribute_is_computed"),
        ([ordered, compute(), segment([MANY])], remove(), "attribute_in_use"),
        ([ordered], remove(), "attribute_not_found"),
        ([set_values(orders=3)], remove(), "attribute_not_computed"),
        ([ordered, compute()], segment([MANY | {"operator": "contains"}]), "unknown_operator"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(history: list[Command[Any]], command: Command[Any], code: str) -> None:
    assert_refused(history, command, code)


def test_it_cannot_be_set_not_even_to_nothing() -> None:
    for value in (3, None, "text"):
        outcome = assert_events([ordered, compute()], set_values(orders=value, plan="gold"), [])
        assert [(each.pointer, each.code) for each in outcome.errors] == [("/attributes/orders", "computed_attribute")]


def test_from_a_partial_change_it_is_left_out() -> None:
    data = parse_customer_data({"attributes": {"orders": 3, "plan": "gold"}})
    change = CustomerChange("ana", "changed", None, data, partial=True)
    outcome = assert_events(
        [ordered, compute()],
        lambda rollcall: rollcall.customers.change(ACCOUNT, [change]).outcomes[0],
        [happened(AttributeDeclared, key="plan"), happened(CustomerChanged, values={"plan": "gold"})],
    )
    assert (outcome.result, [each.code for each in outcome.errors]) == ("changed", ["computed_attribute"])


def test_a_filter_on_it_asks_what_defines_it() -> None:
    rollcall = Scene([ordered, compute()]).rollcall
    named = rollcall.segments.parse_filter(ACCOUNT, {"not": MANY})
    written_out = rollcall.segments.parse_filter(ACCOUNT, {"not": ORDERS | {"operator": "at_least", "value": 3}})
    assert named == written_out
    assert [each.definition for each in measures_of(named).values()] == [ORDERS]
    # A property of an activity may be called as the attribute is.
    own = {"activity": "order", "aggregate": "count", "where": [{"attribute": "total", "operator": "is_set"}]}
    rollcall.attributes.compute(ACCOUNT, "total", own, None)
    rollcall.segments.parse_filter(ACCOUNT, own | {"operator": "equals", "value": 1})


def test_once_removed_its_key_is_free_for_others_too() -> None:
    scene = Scene([ordered, compute(), set_values(plan="gold")])
    # A process that has not seen the removal refuses a value only after it looked again.
    other = Rollcall(scene.store, lambda: NOW)
    assert other.customers.change(ACCOUNT, [CustomerChange("bob", "changed", None)]).outcomes
    before = scene.store.head()
    remove()(scene.rollcall)
    assert [type(each) for each in scene.events(after=before)] == [AttributeRemoved]
    assert set_values(orders="many")(other).result == "changed"
    assert_refused([ordered, compute(), remove(), set_values(orders="many")], compute(), "attribute_not_computed")
    assert_events([ordered, compute(), remove()], compute(), [happened(AttributeComputed)])


def test_a_removal_and_a_filter_that_names_it_do_not_pass_each_other() -> None:
    scene = Scene([ordered, compute(), segment([])])
    asked: list[Command[Any]] = [remove()]
    insert = scene.store.insert_events

    def first_the_other(*args: Any, **kwargs: Any) -> Any:
        while asked:
            asked.pop()(scene.rollcall)
        return insert(*args, **kwargs)

    scene.store.insert_events = first_the_other  # type: ignore[method-assign]
    with pytest.raises(Exception, match="unknown_attribute"):
        segment([MANY])(scene.rollcall)
    scene = Scene([ordered, compute(), segment([])])
    (buyers,) = [each.originator_id for each in scene.events() if isinstance(each, SegmentCreated)]
    edit = SegmentEdit(filter=[MANY])
    asked = [lambda rollcall: rollcall.segments.edit(ACCOUNT, buyers, edit, None)]
    insert = scene.store.insert_events
    scene.store.insert_events = first_the_other  # type: ignore[method-assign]
    with pytest.raises(Refused, match="attribute_in_use"):
        remove()(scene.rollcall)
