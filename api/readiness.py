"""Whether this process can answer requests: what `/readyz` checks, and which of it failed.

Used by `api.health`. Asks the database two questions of small tables, so that a load balancer may ask every second.
What Kafka's processes are doing is in the report, and does not make this one unready: it answers requests without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from api.reads import ReplicaReads
from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.read.position import readiness
from projections.records import kafka_state

Check = Literal["database", "writable", "projection", "replica"]


class WaitingReport(TypedDict):
    """What a process that uses Kafka waits for."""

    role: str
    code: str
    detail: str


class TopicReport(TypedDict):
    """A topic: its records so far, those of them that are dead letters, the last one, and those not ingested yet."""

    topic: str
    records: int
    invalid: int
    last_at: datetime | None
    lag: int | None


class KafkaReport(TypedDict):
    """What the processes that use Kafka wait for, and each topic."""

    waiting: list[WaitingReport]
    topics: list[TopicReport]


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """The position of the read models and the head of the log where they are known, and each failed check."""

    position: int = 0
    head: int = 0
    failed: Mapping[Check, tuple[str, str]] = field(default_factory=dict)
    """The code and the detail of each check that failed."""
    kafka: KafkaReport | None = None
    """What Kafka's processes are doing, where any has ever reported."""


def check_readiness(
    database: Database, now: datetime, lag_limit: float, replica: ReplicaReads | None = None
) -> ReadinessReport:
    """Returns whether the database answers and can be written, and the read models are at most `lag_limit` s behind.

    A replica that cannot be read counts where nothing else may answer reads.
    """
    try:
        state = readiness(database)
        kafka = _kafka_report(database, now)
    except Unavailable as unavailable:
        return ReadinessReport(failed={"database": (unavailable.code, unavailable.detail)})
    failed: dict[Check, tuple[str, str]] = {}
    if not state.writable:
        failed["writable"] = ("database_unavailable", "the database is read-only; reads go on")
    if replica is not None and not replica.fall_back and replica.unusable_because is not None:
        failed["replica"] = (
            "database_unavailable",
            f"the replica that answers reads cannot: {replica.unusable_because}",
        )
    lag = 0.0 if state.waiting_since is None else (now - state.waiting_since).total_seconds()
    if lag > lag_limit:
        detail = f"the read models are {lag:.0f} s behind, more than {lag_limit:.0f} s; see the log of `project`"
        failed["projection"] = ("projection_lag", detail)
    return ReadinessReport(state.position, state.head, failed, kafka)


def _kafka_report(database: Database, now: datetime) -> KafkaReport | None:
    processes, topics = kafka_state.of_installation(database, now)
    if not processes and not topics:
        return None
    return {
        "waiting": [
            {"role": each.role, "code": each.code, "detail": each.detail or ""} for each in processes if each.code
        ],
        "topics": [
            {
                "topic": each.topic,
                "records": each.records,
                "invalid": each.invalid,
                "last_at": each.last_at,
                "lag": each.lag,
            }
            for each in topics
        ],
    }
