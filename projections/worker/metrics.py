"""Metrics of the projection worker, and its log event for each batch."""

from __future__ import annotations

import time

import structlog
from prometheus_client import Counter, Gauge, Histogram

from projections.model.membership import MembershipBatch

EVENTS = Counter("rollcall_projected_events_total", "Events that the projection worker applied")
JOINS = Counter("rollcall_membership_joins_total", "Members that joined a segment version")
LEAVES = Counter("rollcall_membership_leaves_total", "Members that left a segment version")
SECONDS = Histogram("rollcall_projection_batch_seconds", "Seconds that a batch of events took")
SHARDS_HELD = Gauge("rollcall_worker_shards", "Shards that this worker projects, of 64", multiprocess_mode="livesum")
PARTS = Counter(
    "rollcall_backlog_parts_total",
    "Parts of divided backlogs that this worker projected, by whose account",
    ["account"],
)
LEASES_LOST = Counter("rollcall_worker_leases_lost_total", "Times that other workers took over all shards of this one")


def report_batch(count: int, members: MembershipBatch, position: int, started: float) -> None:
    """Record metrics and log `batch_projected` for `count` events, applied since `started` (monotonic seconds)."""
    seconds = time.monotonic() - started
    EVENTS.inc(count)
    count_flips(members)
    SECONDS.observe(seconds)
    fields = {"events": count, "joined": members.joins, "left": members.leaves, "position": position}
    structlog.get_logger().debug("batch_projected", **fields, ms=round(seconds * 1000, 1))


def count_flips(members: MembershipBatch) -> None:
    """Count the joins and leaves that were written."""
    JOINS.inc(members.joins)
    LEAVES.inc(members.leaves)
