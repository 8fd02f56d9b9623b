"""Debezium's events in another order and twice leave the same customers, as CloudEvents do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest

from consumers.records import Record
from consumers.topic_formats import RecordReader
from domain.account import Account, schema_of
from domain.commands.changes.change_batch import ChangeBatch, change_target
from domain.commands.customer_state import CustomerState
from domain.formats.rows import RowChange, TopicFormat
from tests.support.full_size import FULL_SIZE, seeds

ACCOUNT = Account(UUID(int=1), "default", "UTC", "PT", 1)
NOW = datetime(2026, 5, 20, 10, tzinfo=UTC)
BEGINNING = 1_700_000_000_000_000
EVENTS, CUSTOMERS, WINDOW = (20_000, 300, 1_000) if FULL_SIZE else (3_000, 60, 1_000)


class Clock:
    def now(self) -> datetime:
        return NOW

    def from_machine(self, milliseconds: int) -> int:
        return milliseconds


def event(number: int, dice: Random) -> Record:
    """A change of a customer; two of one instant are of different customers."""
    who = f"c{number % CUSTOMERS}" if dice.random() < 0.5 else f"c{(number * 7) % CUSTOMERS}"
    row = {"id": who, "plan": dice.choice(["gold", "silver", None]), "orders": dice.randrange(100), "nickName": "x"}
    deletes = dice.random() < 0.05
    value: dict[str, Any] = {
        "op": "d" if deletes else dice.choice("cu"),
        "before": row if deletes else None,
        "after": None if deletes else row,
        "source": {"name": "crm", "table": "people", "lsn": number, "ts_us": BEGINNING + number * 500},
    }
    return Record(number, None, json.dumps({"id": who}).encode(), json.dumps(value).encode(), [])


def folded(records: list[Record]) -> dict[UUID, CustomerState]:
    reader = RecordReader(Clock(), {"t": TopicFormat.model_validate({"format": "debezium", "deletes": "erase"})})
    batch = ChangeBatch(ACCOUNT, schema_of([]), {}, NOW)
    for record in records:
        found = reader.read("t", record)
        assert isinstance(found, RowChange), found
        batch.fold(change_target(ACCOUNT.account_id, found.change), found.change)
    assert "invalid" not in {each.result for each in batch.outcomes}
    return batch.states


def seen(states: dict[UUID, CustomerState]) -> dict[UUID, Any]:
    return {key: (state.exists, state.to_customer().values if state.exists else None) for key, state in states.items()}


@pytest.mark.parametrize("seed", seeds(1, 10))
def test_shuffled_within_a_window_and_delivered_twice_they_leave_the_same_customers(seed: int) -> None:
    dice = Random(seed)
    records = [event(number, dice) for number in range(EVENTS)]
    twice = sorted([*records, *records], key=lambda record: record.offset + dice.randrange(WINDOW))
    in_order = seen(folded(records))
    assert seen(folded(twice)) == in_order
    assert sum(exists for exists, _ in in_order.values()) > CUSTOMERS // 2
