"""Reads of one thing at a fixed rate, alone and beside a stream of changes: latency, and what each request costs.

`python -m tests.performance reads`. The latencies of a machine that does other work say little; the CPU of a request
says as much there as on a quiet one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from multiprocessing.pool import Pool
from pathlib import Path

from tests.performance import cpu, workload
from tests.performance.freshness.system import System, running
from tests.performance.reads import load
from tests.performance.stage import say

CUSTOMERS, SEGMENTS = 4_000, 1_000
RATE, CHANGES, SECONDS, WARM_UP = 500, 2_000, 15, 3


def run(home: Path) -> None:
    """Print the figures."""
    with running(home, CUSTOMERS, workload.segments(SEGMENTS)) as system, load.one_process() as pool:
        say(f"\nReads ({CUSTOMERS:,} customers, {SEGMENTS:,} segments; {RATE} requests/s; all roles as `up` runs them)")
        stream = workload.changes(system.people, len(_kinds(system)) * CHANGES * (SECONDS + 2 * WARM_UP))
        for kind, paths in _kinds(system).items():
            load.start(pool, system.settings.http_port, system.key, paths[: RATE * WARM_UP], RATE).get()
            say(f"  {kind}, alone: {_measured(system, pool, paths)}")
            system.stream(stream, CHANGES, WARM_UP)
            during = _measured(system, pool, paths, lambda: system.stream(stream, CHANGES, SECONDS + WARM_UP))
            say(f"  the same beside {CHANGES:,} changes/s: {during}")
            system.settle()


def _kinds(system: System) -> dict[str, list[str]]:
    """What is asked for, by its kind: so many addresses of each."""
    chance = random.Random(7)
    with system.client as client:
        segments = [each["id"] for each in client.get("/v1/segments?limit=200").json()["data"]]
    customers = [f"c{chance.randrange(CUSTOMERS)}" for _ in range(RATE * SECONDS)]
    return {
        "segments of a customer": [f"/v1/customers/{each}/segments" for each in customers],
        "a customer": [f"/v1/customers/{each}" for each in customers],
        "a segment": [f"/v1/segments/{chance.choice(segments)}" for _ in customers],
    }


def _measured(system: System, pool: Pool, paths: list[str], beside: Callable[[], None] = lambda: None) -> str:
    before = _seconds(system)
    asked = load.start(pool, system.settings.http_port, system.key, paths, RATE)
    beside()
    ordered = sorted(each * 1000 for each in asked.get())
    api, sessions = ((after - began) / len(paths) * 1000 for after, began in zip(_seconds(system), before, strict=True))
    half, nearly_all = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return (
        f"p50 {half:,.1f} ms, p99 {nearly_all:,.1f} ms, most {ordered[-1]:,.1f} ms; "
        f"CPU of a request: API {api:.2f} ms, its sessions of PostgreSQL {sessions:.2f} ms"
    )


def _seconds(system: System) -> tuple[float, float]:
    """The CPU so far of the API, and of its sessions."""
    return cpu.seconds_by_process()["rollcall api"], sum(map(cpu.seconds_of, system.sessions_of("rollcall_api")))
