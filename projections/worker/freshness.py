"""How long changes took to become visible: from publication, or from the receipt of a request, to the worker's commit.

The worker calls `observe` after the commit of each batch, the runner `save_if_due` in its loop. A change says by which
door it came and when (`domain.instants.Arrival`); events of earlier releases, and those that no change caused, do not
count. Each batch is counted as a whole, one addition for each bucket: half a microsecond for a change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from prometheus_client import Histogram
from psycopg import Connection

from domain.instants import DOORS, micros
from projections.postgres.arrays import Uuids
from projections.postgres.database import beside
from projections.records import freshness
from projections.worker.shards.event_reader import TimedEvent

SQL = beside(__file__)
# Customers from which on an account counts as medium or large. How often the tier of an active account is looked up.
MEDIUM, LARGE = 10_000, 100_000
TIER_MICROS = 3_600_000_000
SAVE_MICROS = 5_000_000
SECONDS = Histogram(
    "rollcall_freshness_seconds",
    "From the publication of a change, or the receipt of its request, until reads show it",
    ["door", "tier"],
    buckets=freshness.BOUNDS,
)
_ENDS = [int(bound * 1_000_000) for bound in freshness.BOUNDS]


class Freshness:
    """The observations of one live worker, in its session; `now` is the installation's clock."""

    def __init__(self, connection: Connection[Any], now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now
        # The tier of each account, and until when it is not looked up again.
        self._tiers: dict[int, tuple[str, int]] = {}
        self._unsaved: dict[tuple[str, str], list[int]] = {}
        self._save_at = 0

    def observe(self, events: Sequence[TimedEvent]) -> None:
        """Count the changes among events whose effects were committed just now."""
        visible = micros(self._now())
        arrivals: dict[tuple[int, str], list[int]] = {}
        for _, at, event in events:
            via = getattr(event, "via", None)
            if via is not None:  # by the number of the account: hashing a UUID costs more than all else here
                arrivals.setdefault((event.account_id.int, via[0]), []).append(at - 1000 * int(via[1:]))
        if not arrivals:
            return
        tiers = self._tiers_of({account_id for account_id, _ in arrivals}, visible)
        for (account_id, letter), instants in arrivals.items():
            self._count(DOORS[letter], tiers[account_id], visible, instants)

    def save_if_due(self) -> None:
        """Save what was counted for the Health page, every few seconds."""
        if self._unsaved and micros(now := self._now()) >= self._save_at:
            freshness.save(self._connection, self._unsaved, now)
            self._unsaved.clear()
            self._save_at = micros(now) + SAVE_MICROS

    def _count(self, door: str, tier: str, visible: int, instants: list[int]) -> None:
        counts = counts_of(visible - instant for instant in instants)
        # The library observes one value at a time; its buckets count what is in each of them alone.
        metric: Any = SECONDS.labels(door, tier)
        for bucket, count in zip(metric._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        metric._sum.inc((visible * len(instants) - sum(instants)) / 1_000_000)
        before = self._unsaved.get((door, tier), [0] * len(counts))
        self._unsaved[door, tier] = [a + b for a, b in zip(before, counts, strict=True)]

    def _tiers_of(self, account_ids: set[int], at: int) -> dict[int, str]:
        old = [each for each in account_ids if self._tiers.get(each, ("", 0))[1] <= at]
        if old:
            terms = {"accounts": Uuids([UUID(int=each) for each in old]), "medium": MEDIUM, "large": LARGE}
            for account_id, tier in self._connection.execute(SQL.tiers, terms):
                self._tiers[account_id.int] = (tier, at + TIER_MICROS)
        return {each: self._tiers[each][0] for each in account_ids}


def counts_of(ages: Any) -> list[int]:
    """Returns how many of the ages, in microseconds, are in each bucket of `freshness.BOUNDS`, and beyond the last."""
    ordered = sorted(ages)
    ends = [0, *(bisect_right(ordered, end) for end in _ENDS), len(ordered)]
    return [after - before for before, after in pairwise(ends)]
