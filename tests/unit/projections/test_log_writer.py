"""How a live worker notices that a rebuild replaced the read model that it has loaded, or that another took over."""

from __future__ import annotations

from typing import Any, cast

import pytest
from psycopg import Connection

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
