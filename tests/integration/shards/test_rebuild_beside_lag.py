"""A rebuild while an account lags reads it up to where the live worker is, and passes over none of its events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from projections.worker.rebuild import rebuild
from projections.worker.shards.event_reader import EventReader, Positions
from projections.worker.shards.shard import ALL
from projections.worker.verify import verify
from tests.support.oracles import oracle
from tests.support.oracles.event_log import START, ScriptedLog, fresh_database

CUSTOMERS = 30


@pytest.fixture
def log(postgres_url: str, template: str) -> Iterator[ScriptedLog]:
    with fresh_database(postgres_url, template) as url, closing(ScriptedLog(url)) as log:
        yield log


def customers(count: int) -> list[oracle.Change]:
    data: dict[str, Any] = {"attributes": {"plan": "gold"}}
    return [oracle.Change(f"c{number}", START, data, False, None) for number in range(count)]


def test_a_batch_full_of_an_account_leaves_it_where_it_is_to_be_read_to(log: ScriptedLog) -> None:
    log.changes(0, customers(CUSTOMERS))
    log.drain()
    account_id = log.ledgers[0].account_id
    ((head,),) = log.rows("SELECT max(notification_id) FROM stored_events")
    reader = EventReader(log.worker.sessions.reading, 20)
    reader.add(Positions(dict.fromkeys(ALL, 0), {}))
    until = head - 16
    events = reader.read(Positions(dict.fromkeys(ALL, head), {account_id: until}), alone=False)
    assert max(each.position for each in events if each.event.account_id == account_id) == until
    assert reader.lagging == {account_id: until}


@pytest.mark.parametrize("batch_size", [5, 6, 7, 8])
def test_a_rebuild_while_an_account_lags_passes_over_none_of_its_events(log: ScriptedLog, batch_size: int) -> None:
    log.create(0, {"attribute": "plan", "operator": "equals", "value": "gold"})
    log.drain()
    log.restart(8, 50)
    log.worker.batches = 1
    log.changes(0, customers(CUSTOMERS))
    log.changes(1, customers(1))
    while not log.rows("SELECT FROM lagging_accounts WHERE position + 3 < (SELECT max(position) FROM shards)"):
        assert log.worker.step()
    rebuild(log.url, batch_size=batch_size)
    log.restart(50, 50)
    log.drain()
    assert log.rows("SELECT count(*) FROM customers") == [(CUSTOMERS + 1,)]
    assert list(verify(log.url)) == []
