"""Members of static segments: who is added and removed, counted exactly."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.commands.members import MOST
from domain.customer import CustomerChange, customer_id_of
from domain.segment import SegmentDraft
from domain.stored_events import CustomerDeleted, StaticMembersAdded, StaticMembersRemoved
from tests.support.commands.given_when_then import ACCOUNT, NOW, Command, assert_events, assert_refused, happened

LIST, DYNAMIC, UNKNOWN = UUID(int=1), UUID(int=2), UUID(int=9)
ANA, EVA, UNKNOWN_CUSTOMER = (customer_id_of(ACCOUNT, name) for name in ("ana", "eva", "unknown"))


def customers(*names: str, kind: Any = "changed") -> Command[Any]:
    return lambda rollcall: rollcall.customers.change(ACCOUNT, [CustomerChange(each, kind, NOW) for each in names])


def create(segment_id: UUID, kind: Any = "static") -> Command[Any]:
    return lambda rollcall: rollcall.segments.create(ACCOUNT, SegmentDraft("List", "", kind), segment_id)


def add(*customer_ids: UUID, to: UUID = LIST) -> Command[Any]:
    return lambda rollcall: rollcall.members.add(ACCOUNT, to, customer_ids)


def remove(*customer_ids: UUID, of: UUID = LIST) -> Command[Any]:
    return lambda rollcall: rollcall.members.remove(ACCOUNT, of, customer_ids)


def remove_one(customer_id: UUID) -> Command[int]:
    return lambda rollcall: rollcall.members.remove_one(ACCOUNT, LIST, customer_id)


HISTORY = [customers("ana", "eva"), create(LIST), create(DYNAMIC, "dynamic")]


def test_those_who_are_not_in_are_added_and_the_others_counted() -> None:
    answer = assert_events(
        [*HISTORY, add(ANA)],
        add(ANA, EVA, UNKNOWN_CUSTOMER, EVA),
        [happened(StaticMembersAdded, segment_id=LIST, customer_ids=[EVA], cause="manual")],
    )
    assert (answer.added, answer.already_members, answer.unknown) == (1, 1, [UNKNOWN_CUSTOMER])
    answer = assert_events([*HISTORY, add(ANA)], add(ANA, UNKNOWN_CUSTOMER), [])
    assert (answer.added, answer.already_members, answer.unknown) == (0, 1, [UNKNOWN_CUSTOMER])


def test_those_who_are_in_are_removed() -> None:
    answer = assert_events(
        [*HISTORY, add(ANA, EVA)],
        remove(ANA, UNKNOWN_CUSTOMER),
        [happened(StaticMembersRemoved, segment_id=LIST, customer_ids=[ANA])],
    )
    assert answer.removed == 1
    assert assert_events([*HISTORY, add(EVA)], remove(ANA), []).removed == 0


def test_one_who_is_not_in_cannot_be_removed_alone() -> None:
    assert assert_events([*HISTORY, add(ANA)], remove_one(ANA), [happened(StaticMembersRemoved)]) == 7
    assert_refused([*HISTORY, add(ANA)], remove_one(EVA), "member_not_found")


def test_a_deleted_customer_is_in_no_segment_any_more() -> None:
    history = [*HISTORY, add(ANA)]
    assert_events(history, customers("ana", kind="deleted"), [happened(CustomerDeleted)])
    assert assert_events([*history, customers("ana", kind="deleted")], add(ANA), []).unknown == [ANA]
    assert_refused([*history, customers("ana", kind="deleted")], remove_one(ANA), "member_not_found")


@pytest.mark.parametrize("command", [add, remove])
def test_members_of_a_dynamic_segment_cannot_be_set(command: Any) -> None:
    assert_refused(HISTORY, command(ANA, **{"to" if command is add else "of": DYNAMIC}), "members_are_computed")
    assert_refused(HISTORY, command(ANA, **{"to" if command is add else "of": UNKNOWN}), "segment_not_found")


@pytest.mark.parametrize("command", [add, remove])
def test_a_call_takes_a_thousand_ids_and_no_more(command: Any) -> None:
    many = [UUID(int=number) for number in range(MOST + 1)]
    assert_events(HISTORY, command(*many[:-1]), [])
    assert_refused(HISTORY, command(*many), "too_many_members")
