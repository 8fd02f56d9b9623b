"""What the processes that use Kafka are doing: what each waits for, how far topics are ingested, records by result.

`consumers.state_reporter` saves it every few seconds; records are counted by `received_counts` in the transaction of
their changes. Read by the Health page, for one account, and by `/readyz`, for the installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import Database, beside

SQL = beside(__file__)
# A process that has not reported for so long has ended, or hangs.
SILENT = timedelta(seconds=30)
# A topic that no process has read for so long is not read any more.
RETIRED = timedelta(days=1)


class Waiting(NamedTuple):
    """What a process of a role waits for; no code where it works."""

    role: str
    code: str | None
    detail: str | None


class TopicState(NamedTuple):
    """A topic: its records so far, those of them that became dead letters, and when the last ones were stored.

    `lag` is how many records are not ingested, `None` where no process has said so of late.
    """

    topic: str
    records: int
    invalid: int
    last_at: datetime | None
    lag: int | None


def save(
    database: Database,
    process: UUID,
    waiting: Waiting,
    lags: Mapping[tuple[str, int], tuple[UUID, int]],
    at: datetime,
) -> None:
    """Save what a process waits for, and the account and the lag of each partition that it reads."""
    columns: dict[str, Any] = {
        "topics": [topic for topic, _ in lags],
        "partitions": [partition for _, partition in lags],
        "accounts": [account for account, _ in lags.values()],
        "lags": [lag for _, lag in lags.values()],
        "at": at,
    }
    with database.spanning() as connection:
        connection.execute(SQL.save_process, {"process": process, **waiting._asdict(), "at": at})
        connection.execute(SQL.save_lags, columns)
        connection.execute(SQL.forget, {"silent": at - RETIRED})


def forget(database: Database, process: UUID) -> None:
    """Forget a process that ends."""
    with database.spanning() as connection:
        connection.execute(SQL.forget_process, [process])


def processes(connection: Connection[TupleRow], now: datetime) -> list[Waiting]:
    """Returns the processes that report, those that wait first."""
    return [Waiting(*row) for row in connection.execute(SQL.processes, [now - SILENT])]


def topics_of_account(connection: Connection[TupleRow], account_id: UUID, now: datetime) -> list[TopicState]:
    """Returns an account's topics by name."""
    asked = {"account_id": account_id, "silent": now - SILENT}
    return [TopicState(*row) for row in connection.execute(SQL.topics_of_account, asked)]


def of_installation(database: Database, now: datetime) -> tuple[list[Waiting], list[TopicState]]:
    """Returns the processes that report, and every topic."""
    with database.single() as connection:
        return processes(connection, now), [
            TopicState(*row) for row in connection.execute(SQL.all_topics, [now - SILENT])
        ]
