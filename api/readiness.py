"""Whether this process can answer requests: what `/readyz` checks, and which of it failed.

Used by `api.health`. Asks the database one question that counts nothing, so that a load balancer may ask every second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from api.reads import ReplicaReads
from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.read.position import readiness

Check = Literal["database", "writable", "projection", "replica"]


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """The position of the read models and the head of the log where they are known, and each failed check."""

    position: int = 0
    head: int = 0
    failed: Mapping[Check, tuple[str, str]] = field(default_factory=dict)
    """The code and the detail of each check that failed."""


def check_readiness(
    database: Database, now: datetime, lag_limit: float, replica: ReplicaReads | None = None
) -> ReadinessReport:
    """Returns whether the database answers and can be written, and the read models are at most `lag_limit` s behind.

    A replica that cannot be read counts where nothing else may answer reads.
    """
    try:
        state = readiness(database)
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
    return ReadinessReport(state.position, state.head, failed)
