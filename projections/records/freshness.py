"""How fresh the read model was in the last hour: the counts that the worker keeps beside its metric, and their figures.

The worker saves counts every few seconds, the Health page reads them: it runs in another process than the worker, whose
metrics it cannot see. Counts are by bucket of `BOUNDS`, as in the metric `rollcall_freshness_seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from psycopg import Connection

from domain import json_text
from projections.postgres.database import beside

SQL = beside(__file__)
# The upper ends of the buckets, in seconds; one more bucket holds what took longer.
BOUNDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
SHOWN = timedelta(minutes=5)
KEPT = timedelta(hours=1)


class Figures(NamedTuple):
    """Of the changes by one door: how many, and within how many seconds half and 99 % of them became visible.

    `None` where that took longer than the last of `BOUNDS`.
    """

    door: str
    changes: int
    half: float | None
    nearly_all: float | None


def save(connection: Connection[Any], counts: Mapping[tuple[str, str], Sequence[int]], at: datetime) -> None:
    """Add counts by door and tier to the minute of `at`, and remove what is older than an hour."""
    rows = [{"door": door, "tier": tier, "counts": each} for (door, tier), each in counts.items()]
    connection.execute(SQL.save, {"at": at, "rows": json_text.dumps(rows).decode()})
    connection.execute(SQL.forget, {"before": at - KEPT})


def recent(connection: Connection[Any], now: datetime) -> list[Figures]:
    """Returns the figures of the last minutes for each door that changes came by, in the order of their names."""
    by_door: dict[str, list[int]] = {}
    for door, counts in connection.execute(SQL.recent, {"after": now - SHOWN}):
        before = by_door.get(door, [0] * len(counts))
        by_door[door] = [a + b for a, b in zip(before, counts, strict=True)]
    return [
        Figures(door, sum(counts), quantile(counts, 0.5), quantile(counts, 0.99))
        for door, counts in sorted(by_door.items())
    ]


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Returns within how many seconds a share of the counted changes became visible, interpolated within its bucket."""
    wanted = share * sum(counts)
    totals = list(accumulate(counts))
    for low, high, count, total in zip((0.0, *BOUNDS), BOUNDS, counts, totals, strict=False):
        if count and total >= wanted:
            return low + (high - low) * (1 - (total - wanted) / count)
    return None
