"""What takes effect of a customer's changes: last writer wins, attribute by attribute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain.commands.customer_state import CustomerState, Effect, decide
from domain.customer import ChangeKind, CustomerChange, parse_customer_data
from domain.errors import Invalid
from domain.instants import micros
from domain.values import Value

ANA = UUID(int=1)
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


class Story:
    """A customer and the changes that reach us; `minute` is when each was made."""

    def __init__(self) -> None:
        self.state = CustomerState(ANA)

    def given(self, minute: int, change_id: str | None = None, **values: Value | None) -> Effect:
        return self._changed("changed", minute, values, change_id)

    when = given

    def deleted(self, minute: int, change_id: str | None = None) -> Effect:
        return self._changed("deleted", minute, {}, change_id)

    def _changed(self, kind: ChangeKind, minute: int, values: dict[str, Value | None], change_id: str | None) -> Effect:
        at = NOON + timedelta(minutes=minute)
        change = CustomerChange("ana", kind, at, source=None if change_id is None else "crm", change_id=change_id)
        # As it is stored and loaded between any two batches.
        self.state = CustomerState.load(ANA, self.state.revision, self.state.dump())
        return decide(self.state, change, values, micros(NOON))

    def seen(self) -> dict[str, Value]:
        assert self.state.exists
        return {key: value for key, value in self.state.to_customer().values.items() if key != "opted_out"}


@pytest.fixture
def ana() -> Story:
    return Story()


def test_the_first_change_creates_the_customer(ana: Story) -> None:
    assert ana.when(1, plan="gold") == Effect("created", {"plan": "gold"})
    assert ana.seen() == {"plan": "gold"}


def test_a_new_customer_is_not_opted_out(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.state.to_customer().values["opted_out"] is False
    assert ana.when(2, opted_out=False).result == "unchanged"
    assert ana.when(3, opted_out=True) == Effect("changed", {"opted_out": True})


def test_a_newer_change_wins_and_an_older_one_that_arrives_late_loses(ana: Story) -> None:
    ana.given(5, plan="gold")
    assert ana.when(6, plan="free") == Effect("changed", {"plan": "free"})
    assert ana.when(4, plan="basic") == Effect("stale", {})
    assert ana.seen() == {"plan": "free"}


def test_each_attribute_has_a_time_of_its_own(ana: Story) -> None:
    ana.given(1, plan="gold", city="Porto")
    ana.given(5, plan="free")
    assert ana.when(3, plan="basic", city="Braga") == Effect("changed", {"city": "Braga"})
    assert ana.seen() == {"plan": "free", "city": "Braga"}


def test_at_equal_times_the_change_that_arrives_later_wins(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.when(1, plan="free") == Effect("changed", {"plan": "free"})


def test_a_change_that_changes_nothing_has_no_effect_but_its_time_counts(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.when(9, plan="gold") == Effect("unchanged", {})
    assert ana.when(5, plan="free") == Effect("stale", {})


def test_true_and_one_are_different_values(ana: Story) -> None:
    ana.given(1, flag=True)
    assert ana.when(2, flag=1) == Effect("changed", {"flag": 1})


def test_null_removes_and_is_remembered(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.when(5, plan=None) == Effect("changed", {"plan": None})
    assert ana.when(3, plan="basic") == Effect("stale", {})
    assert ana.seen() == {}


def test_removing_a_missing_value_changes_nothing(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.when(2, city=None) == Effect("unchanged", {})


def test_a_change_that_is_delivered_again_is_recognised(ana: Story) -> None:
    ana.given(1, "a", plan="gold")
    ana.given(1, "b", plan="free")
    assert ana.when(1, "a", plan="gold") == Effect("duplicate", {})
    assert ana.seen() == {"plan": "free"}


def test_the_last_sixteen_changes_are_recognised_and_older_ones_lose_by_their_time(ana: Story) -> None:
    for number in range(17):
        ana.given(number, str(number), score=number)
    assert [ana.when(number, str(number), score=number).result for number in range(1, 17)] == ["duplicate"] * 16
    assert ana.when(0, "0", score=0).result == "stale"
    assert ana.seen() == {"score": 16}


def test_a_deletion_takes_everything_that_is_not_newer(ana: Story) -> None:
    ana.given(1, plan="gold")
    assert ana.deleted(2) == Effect("deleted", {})
    assert not ana.state.exists
    assert ana.deleted(3) == Effect("unchanged", {})


def test_a_deletion_refuses_older_changes_that_arrive_late(ana: Story) -> None:
    ana.given(1, plan="gold")
    ana.deleted(5)
    assert ana.when(4, plan="free") == Effect("stale", {})
    assert not ana.state.exists


def test_a_deletion_of_an_unknown_customer_refuses_older_changes_too(ana: Story) -> None:
    assert ana.deleted(5) == Effect("unchanged", {})
    assert ana.when(4, plan="free") == Effect("stale", {})
    assert ana.when(6, plan="free") == Effect("created", {"plan": "free"})


def test_a_customer_created_again_has_no_earlier_values(ana: Story) -> None:
    ana.given(1, plan="gold", city="Porto")
    ana.deleted(5)
    assert ana.when(6, plan="free") == Effect("created", {"plan": "free"})
    assert ana.seen() == {"plan": "free"}


def test_a_deletion_that_arrives_late_removes_only_older_values(ana: Story) -> None:
    ana.given(1, plan="gold", city="Porto")
    ana.given(5, plan="free")
    assert ana.deleted(3) == Effect("changed", {"city": None})
    assert ana.seen() == {"plan": "free"}
    assert ana.deleted(3, "again") == Effect("stale", {})


def test_a_deletion_and_a_change_at_the_same_time_apply_in_order_of_arrival() -> None:
    first, second = Story(), Story()
    first.given(1, plan="gold")
    first.deleted(1)
    second.deleted(1)
    second.given(1, plan="gold")
    assert not first.state.exists
    assert second.state.exists


def test_a_state_is_stored_exactly() -> None:
    values: dict[str, tuple[Value | None, int]] = {
        "text": ("Ünïcode", 1),
        "exact": (Decimal("12345678901234567890.123456789"), 2),
        "tiny": (Decimal("1E-30"), 2),
        "large": (10**37, 3),
        "beyond_floats": (2**53 + 1, 3),
        "flag": (True, 4),
        "tags": (("a", "b"), 5),
        "day": ("2026-05-20", 6),
        "digits": ("12", 7),
        "removed": (None, 8),
    }
    state = CustomerState(ANA, "ana", True, 7, 6, 1, 2, 3, 4, recent=b"12345678" + bytes(8))
    for key, (value, time) in values.items():
        state.set(key, value, time)
    loaded = CustomerState.load(ANA, 7, state.dump())
    assert loaded == state
    for key, kept in values.items():
        assert loaded.value(key) == kept
        assert type(loaded.values()[key]) is type(kept[0])


def test_a_mark_is_recognised_whole_and_forgotten_after_fifteen_others() -> None:
    state = CustomerState(ANA, recent=b"\x01" * 8 + b"\x02" * 8)
    assert state.remember(b"\x01" * 4 + b"\x02" * 4), "the end of one mark and the beginning of the next are no mark"
    marks = [bytes([number]) * 8 for number in range(10, 26)]
    assert [state.remember(mark) for mark in marks] == [True] * 16
    assert [state.remember(mark) for mark in marks] == [False] * 16
    assert state.remember(b"\x01" * 8)


def test_a_body_is_read_with_what_it_mentions() -> None:
    data = parse_customer_data({"name": None, "attributes": {"plan": "gold"}, "tags": []})
    assert data.model_fields_set == {"name", "attributes", "tags"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({"phone": 1}, "/phone"),
        ({"opted_out": "true"}, "/opted_out"),
        ({"tags": ["a", 1]}, "/tags/1"),
        ({"attributes": []}, "/attributes"),
        ({"nmae": "Ana"}, "/nmae"),
        ({"attributes": {f"a{n}": n for n in range(501)}}, "/attributes"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_at_its_place(body: object, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_customer_data(body)
    assert refused.value.code == "invalid_body"
    assert [each.pointer for each in refused.value.errors] == [pointer]
