"""Customers: which changes of a batch take effect, what is stored beside their events, and erasure."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from domain.commands.application import Rollcall
from domain.commands.log import Tracking
from domain.customer import ChangeKind, CustomerChange, DeadLetter, customer_id_of, parse_customer_data
from domain.errors import FieldError, SourceMoved, StaleVersion
from domain.stored_events import AttributeDeclared, CustomerChanged, CustomerDeleted
from tests.support.commands.given_when_then import ACCOUNT, NOW, Command, Scene, assert_events, assert_refused, happened

ANA, EVA = customer_id_of(ACCOUNT, "ana"), customer_id_of(ACCOUNT, "eva")


def change(
    who: str = "ana", /, *, kind: ChangeKind = "changed", minute: int | None = 0, source: str | None = None, **body: Any
) -> CustomerChange:
    at = None if minute is None else NOW + timedelta(minutes=minute)
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
    assert assert_events(history, store(change(minute=4, name="Ana")), []) == ["unchanged"]
    confirmed = [*history, store(change(minute=4, name="Ana"))]
    assert assert_events(confirmed, store(change(minute=3, name="Eva")), []) == ["stale"]


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
    store(*batch, tracking=[Tracking("t:0", 9, None)], dead_letter_of=letter_of)(scene.rollcall)
    assert scene.rollcall.customers.tracked_offset("t:0") == 9
    assert [(letter.offset, letter.code) for _, letter in scene.store.letters] == [(1, "invalid_phone")]
    store(tracking=[Tracking("t:0", 12, 9)])(scene.rollcall)
    assert scene.rollcall.customers.tracked_offset("t:0") == 12, "a batch without effect moves the position too"


@pytest.mark.parametrize("previous", [None, 8])
def test_a_source_that_another_process_moved_stores_nothing(previous: int | None) -> None:
    history = [store(tracking=[Tracking("t:0", 9, None)])]
    moved = assert_refused(
        history, store(change(name="Ana"), tracking=[Tracking("t:0", 12, previous)]), "stale_tracking"
    )
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
    assert_events([store(change(minute=4, name="Ana"))], erase(ANA), [happened(CustomerDeleted)])


def set_clock(rollcall: Rollcall, **ahead: float) -> None:
    rollcall.log.now = lambda: NOW + timedelta(**ahead)


def test_a_time_beyond_the_allowed_skew_is_invalid_until_it_has_come() -> None:
    ahead = change(minute=6, name="Ana")
    assert assert_events([], store(ahead), []) == ["invalid"]
    assert assert_events([partial(set_clock, minutes=1)], store(ahead), [happened(CustomerChanged)]) == ["created"]
    assert assert_events([], store(change(kind="deleted", minute=6)), []) == ["invalid"]


def test_without_allowed_skew_a_clock_that_is_a_little_ahead_does_not_let_older_changes_win() -> None:
    def stored_by_a_machine_whose_clock_is_ahead(rollcall: Rollcall) -> None:
        now, rollcall.log.skew = rollcall.log.now, timedelta(0)
        rollcall.log.now = lambda: NOW + timedelta(milliseconds=5)
        store(change(minute=None, name="New"))(rollcall)
        rollcall.log.now = now

    history = [stored_by_a_machine_whose_clock_is_ahead]
    assert assert_events(history, store(change(minute=-1, name="Old")), []) == ["stale"]


def test_without_allowed_skew_the_present_instant_is_still_accepted() -> None:
    def no_skew(rollcall: Rollcall) -> None:
        rollcall.log.skew = timedelta(0)

    assert assert_events([no_skew], store(change(minute=0, name="Ana")), [happened(CustomerChanged)]) == ["created"]
    assert assert_events([no_skew], store(change(minute=1, name="Ana")), []) == ["invalid"]


def test_a_change_of_now_wins_against_whatever_time_it_meets() -> None:
    history = [store(change(minute=4, name="Ana")), store(change(minute=None, name="Eva"))]
    scene = assert_events(history[:1], history[1], [happened(CustomerChanged, values={"name": "Eva"})])
    assert scene == ["changed"]
    # It took the time of the value that it replaced, and no later one.
    assert assert_events(history, store(change(minute=3, name="Ana")), []) == ["stale"]
    assert assert_events(history, store(change(minute=4, name="Ana")), [happened(CustomerChanged)]) == ["changed"]
    deleted = [*history, store(change(kind="deleted", minute=4))]
    again = assert_events(deleted, store(change(minute=None, name="Eva")), [happened(CustomerChanged, created=True)])
    assert again == ["created"]


@pytest.mark.parametrize("gone", [False, True], ids=["changed", "deleted"])
@pytest.mark.parametrize("minute", [None, 0], ids=["HTTP", "Kafka"])
def test_changes_take_effect_after_a_clock_that_ran_ahead_was_put_back(gone: bool, minute: int | None) -> None:
    history: list[Command[Any]] = [partial(set_clock, days=1_500), store(change(minute=None, name="Ana"))]
    history += [erase(ANA)] if gone else []
    history += [partial(set_clock, seconds=1)]
    first, second = store(change(minute=minute, name="Eva")), store(change(minute=minute, name="Mia"))
    assert assert_events(history, first, [happened(CustomerChanged)]) == ["created" if gone else "changed"]
    assert assert_events([*history, first], second, [happened(CustomerChanged)]) == ["changed"]
    assert_events([*history, first], erase(ANA), [happened(CustomerDeleted)])


def test_a_value_of_an_impossible_time_is_as_old_as_the_last_change_that_took_effect() -> None:
    def generous(rollcall: Rollcall) -> None:
        rollcall.log.skew = timedelta(days=1_000)

    def strict(rollcall: Rollcall) -> None:
        rollcall.log.skew = timedelta(minutes=5)

    history: list[Command[Any]] = [
        generous,
        store(change(minute=900_000, name="Ana")),
        strict,
        partial(set_clock, hours=1),
    ]
    assert assert_events(history, store(change(minute=-1, name="Old")), []) == ["stale"]
    assert assert_events(history, store(change(minute=1, name="Eva")), [happened(CustomerChanged)]) == ["changed"]


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
