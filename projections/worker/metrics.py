"""What the projection worker tells of a batch: its metrics and its line in the log."""

from __future__ import annotations

import time

import structlog
from prometheus_client import Counter, Histogram

from projections.model.membership import MembershipBatch

EVENTS = Counter("rollcall_projected_events_total", "Events that the projection worker applied")
JOINS = Counter("rollcall_membership_joins_total", "Members that joined a segment version")
LEAVES = Counter("rollcall_membership_leaves_total", "Members that left a segment version")
SECONDS = Histogram("rollcall_projection_batch_seconds", "Seconds that a batch of events took")


def report(count: int, batch: MembershipBatch, position: int, started: float) -> None:
    """Tell of `count` events that were applied since `started`."""
    seconds = time.monotonic() - started
    EVENTS.inc(count)
    flips(batch)
    SECONDS.observe(seconds)
    structlog.get_logger().info(
        "batch_projected", events=count, joined=batch.joins, left=batch.leaves, position=position,
        ms=round(seconds * 1000, 1),
    )  # fmt: skip


def flips(batch: MembershipBatch) -> None:
    """Count a batch's joins and leaves."""
    JOINS.inc(batch.joins)
    LEAVES.inc(batch.leaves)
