"""Every event that was ever stored still loads: a sample of each type and version, as it is in the log.

The samples are never changed. A new type adds one; a new version of a type adds one beside the old.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from msgspec import ValidationError

from domain import json_text
from domain.commands.event_mapper import EVENT_TYPES, EventMapper, load_event
from domain.stored_events import (
    ActedEvent,
    AttributeDeclared,
    CustomerChanged,
    Event,
    SegmentCreated,
    State,
    Upcast,
)

FOLDER = Path(__file__).with_name("stored_events")
SAMPLES = sorted(FOLDER.glob("*.json"))


def stored(path: Path) -> StoredEvent:
    sample = json_text.loads(path.read_text(encoding="utf-8"))
    return StoredEvent(
        UUID(sample["originator_id"]), sample["originator_version"], sample["topic"], json_text.dumps(sample["state"])
    )


def of(name: str) -> Any:
    return EventMapper().to_domain_event(stored(FOLDER / name))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_event_still_loads(path: Path) -> None:
    row = stored(path)
    event = EventMapper().to_domain_event(row)
    assert isinstance(event, Event)
    assert (event.type_name, event.originator_id, event.originator_version) == row_identity(row)
    assert event.recorded_at.utcoffset() is not None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_event_of_the_newest_version_is_stored_as_it_was(path: Path) -> None:
    row = stored(path)
    mapper = EventMapper()
    again = mapper.to_stored_event(mapper.to_domain_event(row))
    if version_of(path) == EVENT_TYPES[row.topic].schema_version:
        assert again == row
    else:
        assert mapper.to_domain_event(again) == mapper.to_domain_event(row)


def row_identity(row: StoredEvent) -> tuple[str, Any, int]:
    return row.topic, row.originator_id, row.originator_version


def version_of(path: Path) -> int:
    return int(path.stem.rpartition(".v")[2])


def test_every_version_of_every_type_has_a_sample() -> None:
    needed = {
        f"{name.removeprefix('rollcall.')}.v{version}"
        for name, kind in EVENT_TYPES.items()
        for version in range(1, kind.schema_version + 1)
    }
    assert {path.stem for path in SAMPLES} == needed
    for path in SAMPLES:
        state = json_text.loads(path.read_text(encoding="utf-8"))["state"]
        assert state.get("schema_version", 1) == version_of(path)


def test_types_are_found_by_the_names_they_are_stored_under() -> None:
    assert all(name == kind.type_name and name.startswith("rollcall.") for name, kind in EVENT_TYPES.items())
    kinds = {*Event.__subclasses__(), *ActedEvent.__subclasses__(), *AttributeDeclared.__subclasses__()}
    assert kinds - {ActedEvent, Invoice} == set(EVENT_TYPES.values())


def test_exact_numbers_survive() -> None:
    changed = of("customer.changed.v1.json")
    assert isinstance(changed, CustomerChanged)
    assert changed.values["lifetime_value"] == Decimal("12345678901234567890.123456789")
    created = of("segment.created.v1.json")
    assert isinstance(created, SegmentCreated)
    assert str(created.filter[0]["value"]) == "499.990"
    assert b'"value":499.990' in EventMapper().to_stored_event(created).state


def test_an_event_is_immutable() -> None:
    with pytest.raises(AttributeError):
        of("segment.created.v1.json").name = "other"


def test_an_unknown_field_is_not_ignored() -> None:
    row = stored(FOLDER / "segment.deleted.v1.json")
    state = json_text.dumps(json_text.loads(row.state) | {"why": "?"})
    with pytest.raises(ValidationError):
        load_event(row.topic, state, row.originator_id, row.originator_version)


def test_a_type_of_a_newer_rollcall_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_event("rollcall.campaign.launched", b"{}", UUID(int=1), 1)


class Invoice(Event, kw_only=True, frozen=True):
    """An event type of this test: `total` was text at first, then a number, and lacked a currency before that."""

    type_name = "test.invoice"
    schema_version = 3
    currency: str
    total: Decimal

    @staticmethod
    def _add_currency(state: State) -> State:
        return state | {"currency": "EUR"}

    @staticmethod
    def _read_total(state: State) -> State:
        return state | {"total": Decimal(state["total"])}

    upcasts: ClassVar[dict[int, Upcast]] = {1: _add_currency, 2: _read_total}


@pytest.mark.parametrize(
    "state",
    [
        {"total": "12.50"},
        {"schema_version": 2, "total": "12.50", "currency": "EUR"},
        {"schema_version": 3, "total": Decimal("12.50"), "currency": "EUR"},
    ],
)
def test_an_event_of_any_older_version_is_brought_up_step_by_step(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    monkeypatch.setitem(EVENT_TYPES, Invoice.type_name, Invoice)
    state |= {"account_id": str(UUID(int=9)), "recorded_at": "2026-05-20T10:00:00Z"}
    event = load_event(Invoice.type_name, json_text.dumps(state), UUID(int=1), 4)
    assert isinstance(event, Invoice)
    assert (event.total, event.currency, event.originator_version) == (Decimal("12.50"), "EUR", 4)
    again = EventMapper().to_stored_event(event)
    assert json_text.loads(again.state)["schema_version"] == 3
    assert EventMapper().to_domain_event(again) == event
