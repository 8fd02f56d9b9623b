"""Rollcall beside Pathway: the same customers, segments and changes, into members and history of one PostgreSQL.

`python -m tests.performance peer`. Pathway is no dependency: the Python that BENCH_PEER names runs it, and
without one the section says how to make it. What differs, in the peer's favour: it keeps customers in memory only (no
row of theirs, no log, no provenance, no change stream), gets each change as the whole row from memory instead of
reading a log, counts with floats, and writes with its connector's batches. At the end both must have the same members.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.embedded.postgres import Postgres
from projections.worker.worker import Worker
from tests.performance import workload
from tests.performance.bench_projection import PublishingWriter
from tests.performance.peer.job import (
    PATIENCE,
    address,
    our_members,
    peer_database,
    peer_interpreter,
    peer_members,
    run_job,
)
from tests.performance.stage import change_of, copy_of, say, stage

CUSTOMERS, BATCH = 10_000, 2_000
# Changes for each number of segments: the peer needs its memory and its time for a thousand filters.
CHANGES = {100: 20_000, 1_000: 4_000}


def run(server: Postgres) -> None:
    """Print both rates for each number of segments, or how to install the peer."""
    interpreter = peer_interpreter()
    if interpreter is None:
        return
    say(f"\nPeer ({CUSTOMERS:,} customers, batches of {BATCH:,}, members and history in the same PostgreSQL)")
    filters = workload.segments(max(CHANGES))
    for size, changes in CHANGES.items():
        _compare(server, interpreter, filters[:size], changes)


def _compare(server: Postgres, interpreter: str, filters: Sequence[Any], changes: int) -> None:
    people = list(workload.customers(CUSTOMERS))
    with stage(server) as scene:
        scene.create_segments(filters)
        scene.load_customers(people)
        drifted = [dict(each) for each in people]
        rows = []
        stream = list(workload.changes(drifted, changes))
        for start in range(0, changes, BATCH):
            part = stream[start : start + BATCH]
            scene.rollcall.customers.change(
                scene.account_id, [change_of(each.customer, {each.key: each.new}) for each in part]
            )
    now = [dict(each) for each in people]
    for each in stream:
        now[each.customer] = {**now[each.customer], each.key: each.new}
        rows.append(_row(each.customer, now[each.customer]))
    with copy_of(server, scene) as sessions:
        before = our_members(sessions.reading)
        worker = Worker(sessions, PublishingWriter(), batch_size=BATCH)
        worker.load()
        began, cpu = time.perf_counter(), time.process_time()
        while worker.project_events():
            continue
        ours, our_cpu = changes / (time.perf_counter() - began), (time.process_time() - cpu) / changes
        after = our_members(sessions.reading)
    with peer_database(server) as url, tempfile.TemporaryDirectory() as folder:
        _write_job(Path(folder), url, filters, people, rows, len(before))
        taken = run_job(interpreter, "pathway_job.py", Path(folder))
        found = peer_members(url)
    line = f"  {len(filters):>5} segments: Rollcall {ours:>7,.0f} changes/s"
    if taken is None:
        slower = changes / PATIENCE
        say(f"{line}   Pathway under {slower:,.0f}/s: {changes:,} changes were not done in {PATIENCE:.0f} s")
        return
    theirs, their_cpu = changes / taken["seconds"], taken["cpu"] / changes
    same = "the same members" if found == after else f"{len(found ^ after):,} members differ"
    say(f"{line}   Pathway {theirs:>7,.0f}/s   {ours / theirs:.1f} x   {same}")
    say(f"        CPU of the process alone: {our_cpu * 1e6:,.0f} and {their_cpu * 1e6:,.0f} us a change")


def _row(number: int, attributes: dict[str, Any]) -> str:
    row: dict[str, Any] = {"customer": number, **{key: attributes.get(key) for key in workload.TYPES}}
    numbers = {key for key, kind in workload.TYPES.items() if kind == "number" and row[key] is not None}
    return json.dumps({key: float(each) if key in numbers else each for key, each in row.items()})


def _write_job(
    folder: Path, url: str, filters: Sequence[Any], people: Sequence[Any], rows: Sequence[str], members: int
) -> None:
    job = {
        **address(url),
        "types": workload.TYPES,
        "filters": filters,
        "members": members,
        "batch": BATCH,
    }
    (folder / "job.json").write_text(json.dumps(job, default=float))
    (folder / "customers.jsonl").write_text("\n".join(_row(number, each) for number, each in enumerate(people)))
    (folder / "changes.jsonl").write_text("\n".join(rows))
