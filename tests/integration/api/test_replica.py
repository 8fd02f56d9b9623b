"""Reads from a streaming replica: never older than what was asked for, and answered while the replica is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from httpx import Client

from api.reads import ReplicaReads
from projections.migrate import migrate
from projections.postgres.database import Database
from tests.support.installation import Installation
from tests.support.replica import Replica, primary_and_replica
from tests.support.running_product import eventually

LAG_LIMIT = 0.5
OWN_WRITE_WAIT = 0.2


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, Replica]]:
    with primary_and_replica() as (url, replica):
        migrate(url)
        yield url, replica


@pytest.fixture
def installation(servers: tuple[str, Replica]) -> Iterator[Installation]:
    made = Installation(servers[0])
    yield made
    made.close()


@contextmanager
def reads_of(installation: Installation, replica: Replica, *, fall_back: bool = True) -> Iterator[ReplicaReads]:
    replica_reads, quick_replica, primary = (
        Database(url, "rollcall_api", wait=1.0) for url in (replica.url, replica.url, installation.url)
    )
    reads = ReplicaReads(
        replica_reads, quick_replica, primary, installation.database, fall_back=fall_back, lag_limit=LAG_LIMIT
    )
    reads.start()
    eventually(lambda: reads.unusable_because is None)
    yield reads
    reads.close()
    for each in (replica_reads, quick_replica, primary):
        each.close()


@contextmanager
def served(installation: Installation, account: str, reads: ReplicaReads) -> Iterator[Client]:
    """A client of an API that reads from the replica, beside a worker."""
    key = installation.key(installation.account(account))
    with (
        installation.projecting(),
        installation.open_api(key, replica=reads, own_write_wait=OWN_WRITE_WAIT) as client,
    ):
        yield client


def put(client: Client, score: int) -> int:
    answer = client.put("/v1/customers/ana", json={"attributes": {"score": score}})
    assert answer.status_code in (200, 201), answer.text
    return int(answer.headers["Rollcall-Position"])


def score(client: Client, **params: Any) -> int:
    answer = client.get("/v1/customers/ana", params=params)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["attributes"]["score"])


def test_reads_come_from_the_replica_and_include_ones_own_writes(
    installation: Installation, servers: tuple[str, Replica]
) -> None:
    with reads_of(installation, servers[1]) as reads, served(installation, "usual", reads) as client:
        for number in range(20):
            position = put(client, number)
            assert score(client) == number
            assert score(client, min_position=position) == number
        with reads.snapshot(installation.account("another")) as (connection, _):
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


def test_a_replica_that_falls_behind_and_catches_up_never_gives_an_older_answer(
    installation: Installation, servers: tuple[str, Replica]
) -> None:
    replica = servers[1]
    with reads_of(installation, replica) as reads, served(installation, "paused", reads) as client:
        seen = 0
        for number in range(1, 31):
            if number % 10 == 3:
                replica.pause()
            if number % 10 == 8:
                replica.resume()
            position = put(client, number)
            assert score(client, min_position=position) == number
            found = score(client)
            assert found >= seen
            seen = found
        eventually(lambda: reads.unusable_because is None)


def test_while_the_replica_is_away_the_primary_answers_and_afterwards_the_replica_again(
    installation: Installation, servers: tuple[str, Replica]
) -> None:
    replica = servers[1]
    with reads_of(installation, replica) as reads, served(installation, "away", reads) as client:
        put(client, 1)
        replica.stop()
        try:
            put(client, 2)
            assert score(client) == 2
            assert client.get("/readyz").status_code == 200
        finally:
            replica.start()
        eventually(lambda: reads.unusable_because is None)
        assert score(client) == 2


def test_where_nothing_else_may_answer_a_replica_that_is_away_is_said_so(
    installation: Installation, servers: tuple[str, Replica]
) -> None:
    replica = servers[1]
    with (
        reads_of(installation, replica, fall_back=False) as reads,
        served(installation, "strict", reads) as client,
    ):
        put(client, 1)
        replica.stop()
        try:
            refused = client.get("/v1/customers/ana")
            assert refused.status_code == 503
            assert "Retry-After" in refused.headers
            eventually(lambda: client.get("/readyz").status_code == 503)
            assert "replica" in client.get("/readyz").json()["checks"]
            position = put(client, 2)
        finally:
            replica.start()
        eventually(lambda: client.get("/readyz").status_code == 200)
        eventually(lambda: client.get("/v1/customers/ana", params={"min_position": position}).status_code == 200)
        assert score(client) == 2
