"""How a live worker notices that a rebuild replaced the read model that it has loaded."""

from __future__ import annotations

from typing import Any, cast

import pytest
from psycopg import Connection

from projections.worker.log_writer import LiveWriter, ModelReplaced

EVENTS: Any = None  # not needed to notice it


class FakeConnection:
    """Answers each question for the read model's identity; `None` where there is no read model."""

    model_oid: int | None = 7

    def execute(self, *_: Any) -> FakeConnection:
        return self

    def fetchone(self) -> tuple[int] | None:
        return None if self.model_oid is None else (self.model_oid,)


@pytest.mark.parametrize("replaced_by", [8, None])
def test_a_live_worker_stops_once_its_model_was_replaced(replaced_by: int | None) -> None:
    writer, fake = LiveWriter(EVENTS), FakeConnection()
    connection = cast("Connection[Any]", fake)
    writer.hold_model(connection)
    writer.hold_model(connection)
    fake.model_oid = replaced_by
    with pytest.raises(ModelReplaced):
        writer.hold_model(connection)
