"""Freshness of one change on an idle system, and of a stream of changes.

`python -m tests.performance freshness`; with BENCH_KAFKA on an Apache Kafka. A stream's figures are those of
the worker's own metric, as an operator sees them; those of one change are the client's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from domain import json_text
from projections.records.freshness import BOUNDS, quantile
from tests.performance import workload
from tests.performance.freshness.system import System, running
from tests.performance.stage import say

CUSTOMERS, SEGMENTS = 4_000, 1_000
SINGLES = 100
RATE, SECONDS, WARM_UP = 2_000, 15, 3


def run(home: Path) -> None:
    """Print the figures."""
    with running(home, CUSTOMERS, workload.segments(SEGMENTS)) as system:
        say(f"\nFreshness ({CUSTOMERS:,} customers, {SEGMENTS:,} segments; project, ingest and API as `up` runs them)")
        stream = workload.changes(system.people, SINGLES * 2 + RATE * (SECONDS + WARM_UP))
        alone = _one_at_a_time(system, lambda: system.publish(next(stream)))
        say(f"  one change at a time by Kafka: {_figures(alone)}")
        with system.client as client:

            def put() -> None:
                change = next(stream)
                body = json_text.dumps({"attributes": {change.key: change.new}})
                client.put(f"/v1/customers/c{change.customer}", content=body).raise_for_status()

            say(f"  one change at a time by HTTP, until answered: {_figures(_answers(put))}")
        system.stream(stream, RATE, WARM_UP)
        say(f"  {RATE:,} changes/s for {SECONDS} s: {_of_stream(system, stream)}")


def _one_at_a_time(system: System, send: Callable[[], None]) -> list[float]:
    """How long each of some changes took until the read model had it, the system being idle before."""
    took = []
    chance = random.Random(5)
    for _ in range(SINGLES):
        time.sleep(chance.uniform(0.02, 0.2))
        before, began = system.position(), time.perf_counter()
        send()
        while system.position() == before:
            time.sleep(0.0005)
        took.append(time.perf_counter() - began)
    return took


def _answers(send: Callable[[], None]) -> list[float]:
    took = []
    chance = random.Random(6)
    for _ in range(SINGLES):
        time.sleep(chance.uniform(0.02, 0.2))
        began = time.perf_counter()
        send()
        took.append(time.perf_counter() - began)
    return took


def _of_stream(system: System, stream: Iterator[workload.Change]) -> str:
    before = system.counts("kafka")
    system.stream(stream, RATE, SECONDS)
    system.settle()
    counts = [after - count for after, count in zip(system.counts("kafka"), before, strict=True)]
    within = sum(counts[: BOUNDS.index(0.25) + 1]) / sum(counts)
    half, nearly_all = (quantile(counts, share) or float("inf") for share in (0.5, 0.99))
    return f"p50 {half * 1000:,.0f} ms, p99 {nearly_all * 1000:,.0f} ms; {within:.2%} within 250 ms"


def _figures(took: list[float]) -> str:
    ordered = sorted(each * 1000 for each in took)
    half, nearly_all = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return f"p50 {half:,.1f} ms, p99 {nearly_all:,.1f} ms, most {ordered[-1]:,.1f} ms"
