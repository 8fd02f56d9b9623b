"""How a live worker notices that a rebuild or another worker took over, and how often it lets time pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection

from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.windows import Last
from domain.instants import Days, micros
from projections.model import time_flips
from projections.model.account_state import AccountState
from projections.model.attributes.asked import MeasureState
from projections.worker.log_writer import LiveWriter, ModelReplaced
from projections.worker.shards.leases import LeaseLost, Leases

EVENTS: Any = None  # not needed to notice it


class FakeConnection:
    """Answers each question for the read model's identity; `None` where there is no read model."""

    model_oid: int | None = 7
    is_leased = True

    def execute(self, *_: Any) -> FakeConnection:
        return self

    def fetchone(self) -> tuple[int, bool] | None:
        return None if self.model_oid is None else (self.model_oid, self.is_leased)


@pytest.mark.parametrize("replaced_by", [8, None])
def test_a_live_worker_stops_once_its_model_was_replaced(replaced_by: int | None) -> None:
    writer, fake = LiveWriter(EVENTS), FakeConnection()
    connection = cast("Connection[Any]", fake)
    for _ in range(2):
        with writer.hold_model(connection):
            pass
    fake.model_oid = replaced_by
    with pytest.raises(ModelReplaced), writer.hold_model(connection):
        pass


def test_a_live_worker_stops_once_others_have_its_shards() -> None:
    writer, fake = LiveWriter(EVENTS, Leases(3)), FakeConnection()
    connection = cast("Connection[Any]", fake)
    with writer.hold_model(connection):
        pass
    fake.is_leased = False
    with pytest.raises(LeaseLost), writer.hold_model(connection):
        pytest.fail("it may write no more")


def test_time_passes_for_an_account_no_more_often_than_the_least_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where windows let facts go all the time, something is due whenever the worker looks."""
    account = AccountState(UUID(int=1), Days(ZoneInfo("UTC")), "PT")
    account.add_measure(MeasureState(Measure("#1", "order", "count", "number", Last(1)), 1))
    monkeypatch.setattr(time_flips, "next_due", lambda *_: 0)
    monkeypatch.setattr(time_flips, "is_any_due", lambda *_: True)
    appended: list[int] = []

    class Events:
        at = datetime(2026, 5, 20, tzinfo=UTC)

        def now(self) -> datetime:
            return self.at

        def record_time_passed(self, _account: UUID, until: datetime) -> None:
            appended.append(until.second * 10 + until.microsecond // 100_000)

    events = Events()
    writer = LiveWriter(cast("Any", events), least_gap=200_000)
    model = cast("Any", SimpleNamespace(connection=None, accounts={account.account_id: account}))
    for _ in range(7):
        writer.append_time_passed(model)
        account.time_passed_to = account.asked_until  # the worker projects it at once
        events.at += timedelta(milliseconds=100)
    assert appended == [0, 2, 4, 6]
    assert time_flips.next_known_due([account]) == micros(events.at) + 100_000
    # Before it is projected, it is not appended again.
    account.time_passed_to -= 1
    events.at += timedelta(seconds=10)
    assert not writer.append_time_passed(model)
    assert time_flips.next_known_due([account]) is None
