"""Customers: which changes of a batch take effect, what is stored beside their events, and erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commands.log import Tracking
from domain.customer import ChangeKind, CustomerChange, DeadLetter, customer_id_of, parse_customer_data
from domain.errors import FieldError, SourceMoved, StaleVersion
from domain.stored_events import AttributeDeclared, CustomerChanged, CustomerDeleted
from tests.support.commands.given_when_then import ACCOUNT, NOW, Command, Scene, assert_events, assert_refused, happened

ANA, EVA = customer_id_of(ACCOUNT, "ana"), customer_id_of(ACCOUNT, "eva")


def change(
    who: str = "ana", /, *, kind: ChangeKind = "changed", minute: int = 0, source: str | None = None, **body: Any
) -> CustomerChange:
    at = NOW + timedelta(minutes=minute)
    return CustomerChange(who, kind, at, parse_customer_data(body) if body else None, source, source and "change-1")


def store(*changes: CustomerChange, **options: Any) -> Command[list[str]]:
    return lambda rollcall: [
        outcome.result for outcome in rollcall.customers.change(ACCOUNT, changes, **options).outcomes
    ]


def erase(*candidates: UUID, expected: int | None = None) -> Command[int]:
    return lambda rollcall: rollcall.customers.erase(ACCOUNT, candidates, expected)


def test_a_batch_is_one_append_of_what_took_effect() -> None:
    results = assert_events(
        [store(change(name="Ana"))],
        store(change("eva", name="Eva"), change(minute=1, name="Ana Sá"), change(minute=2, name="Ana Sá")),
        [
            happened(CustomerChanged, originator_id=EVA, created=True, external_id="eva"),
            happened(CustomerChanged, originator_id=ANA, created=False, values={"name": "Ana Sá"}),
        ],
    )
    assert results == ["created", "changed", "unchanged"]


def test_the_last_writer_wins_for_each_attribute() -> None:
    history = [store(change(minute=5, name="New", attributes={"plan": "gold"}))]
    assert assert_events(history, store(change(minute=4, name="Old")), []) == ["stale"]
    results = assert_events(
        history,
        store(change(minute=4, name="Old", attributes={"city": "Porto"})),
        [happened(AttributeDeclared, key="city"), happened(CustomerChanged, values={"city": "Porto"})],
    )
    assert results == ["changed"]


def test_a_value_confirmed_later_makes_no_event_and_is_newer_from_then_on() -> None:
    history = [store(change(minute=1, name="Ana"))]
    assert assert_events(history, store(change(minute=9, name="Ana")), []) == ["unchanged"]
    confirmed = [*history, store(change(minute=9, name="Ana"))]
    assert assert_events(confirmed, store(change(minute=5, name="Eva")), []) == ["stale"]


def test_a_redelivered_change_is_a_duplicate_and_makes_no_event() -> None:
    history = [store(change(source="shop", name="Ana")), store(change(minute=1, name="Eva"))]
    assert assert_events(history, store(change(source="shop", minute=2, name="Ana")), []) == ["duplicate"]


def test_an_invalid_change_has_no_effect_and_the_others_have_theirs() -> None:
    results = assert_events(
        [],
        store(change(phone="12"), change("eva", name="Eva")),
        [happened(CustomerChanged, originator_id=EVA)],
    )
    assert results == ["invalid", "created"]


def test_a_type_that_another_process_declared_meanwhile_is_kept() -> None:
    """This process remembers the attributes without it; the append is refused, and it reads them again."""
    scene = Scene([store(change(name="Ana"))])
    other = Scene()
    other.rollcall.log.store = scene.store
    other.rollcall.customers.change(ACCOUNT, [change("eva", attributes={"score": 1})])
    assert store(change(minute=1, attributes={"score": "high"}))(scene.rollcall) == ["invalid"]


def test_an_expected_version_that_is_no_more_is_refused_and_names_the_present_one() -> None:
    history = [store(change(name="Ana")), store(change(minute=1, name="Eva"))]
    refused = assert_refused(history, store(change(minute=2, name="Bea"), expected_version=1), "stale_version")
    assert isinstance(refused, StaleVersion)
    assert refused.current == 2
    assert_refused([], store(change(name="Ana"), expected_version=1), "stale_version")
    assert_events(history, store(change(minute=2, name="Bea"), expected_version=2), [happened(CustomerChanged)])
    assert_events([], store(change(name="Ana"), expected_version=0), [happened(CustomerChanged, created=True)])


def letter_of(index: int, errors: tuple[FieldError, ...]) -> DeadLetter:
    return DeadLetter("t", 0, index, None, None, b"x", [], errors[0].code, errors[0].detail, NOW)


def test_the_position_of_a_source_and_dead_letters_are_stored_with_the_events() -> None:
    scene = Scene()
    batch = [change(name="Ana"), change("eva", phone="12")]
    store(*batch, tracking=Tracking("t:0", 9, None), dead_letter_of=letter_of)(scene.rollcall)
    assert scene.rollcall.customers.tracked_offset("t:0") == 9
    assert [(letter.offset, letter.code) for _, letter in scene.store.letters] == [(1, "invalid_phone")]
    store(tracking=Tracking("t:0", 12, 9))(scene.rollcall)
    assert scene.rollcall.customers.tracked_offset("t:0") == 12, "a batch without effect moves the position too"


@pytest.mark.parametrize("previous", [None, 8])
def test_a_source_that_another_process_moved_stores_nothing(previous: int | None) -> None:
    history = [store(tracking=Tracking("t:0", 9, None))]
    moved = assert_refused(history, store(change(name="Ana"), tracking=Tracking("t:0", 12, previous)), "stale_tracking")
    assert isinstance(moved, SourceMoved)


def test_an_erasure_is_one_event_and_the_customer_is_gone() -> None:
    history = [store(change(name="Ana"))]
    assert_events(history, erase(ANA), [happened(CustomerDeleted, originator_id=ANA, source=None)])
    assert_refused([*history, erase(ANA)], erase(ANA), "customer_not_found")
    assert_events(
        [*history, erase(ANA)], store(change(minute=1, name="Ana")), [happened(CustomerChanged, created=True)]
    )


def test_an_erasure_takes_the_first_candidate_who_exists() -> None:
    assert_events([store(change("eva", name="Eva"))], erase(ANA, EVA), [happened(CustomerDeleted, originator_id=EVA)])
    assert_refused([], erase(ANA, EVA), "customer_not_found")


def test_an_erasure_takes_effect_where_the_last_change_is_ahead_of_our_clock() -> None:
    assert_events([store(change(minute=30, name="Ana"))], erase(ANA), [happened(CustomerDeleted)])


def test_an_erasure_of_a_version_that_is_no_more_is_refused() -> None:
    history = [store(change(name="Ana")), store(change(minute=1, name="Eva"))]
    assert_refused(history, erase(ANA, expected=1), "stale_version")
    assert_events(history, erase(ANA, expected=2), [happened(CustomerDeleted)])


def test_a_change_older_than_a_deletion_does_not_bring_the_customer_back() -> None:
    history = [store(change(name="Ana")), store(change(kind="deleted", minute=5))]
    assert assert_events(history, store(change(minute=4, name="Ana")), []) == ["stale"]


def test_an_account_that_does_not_exist_takes_no_changes() -> None:
    unknown = UUID(int=9)
    assert_refused([], lambda rollcall: rollcall.customers.change(unknown, [change(name="Ana")]), "account_not_found")
