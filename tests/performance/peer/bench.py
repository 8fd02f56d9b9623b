"""Rollcall beside Pathway: the same customers, segments and changes, into members and history of one PostgreSQL.

`python -m tests.performance peer`. Pathway is no dependency: the Python that BENCH_PEER names runs it, and
without one the section says how to make it. What differs, in the peer's favour: it keeps customers in memory only (no
row of theirs, no log, no provenance, no change stream), gets each change as the whole row from memory instead of
reading a log, counts with floats, and writes with its connector's batches. At the end both must have the same members.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.embedded.postgres import Postgres
from projections.worker.worker import Worker
from tests.performance import workload
from tests.performance.bench_projection import PublishingWriter
from tests.performance.stage import change_of, copy_of, drop, say, stage

PEER = "BENCH_PEER"
HOW = (
    "python -m venv .peer && .peer/bin/pip install -r tests/performance/peer/requirements.txt, then "
    f"{PEER}=.peer/bin/python python -m tests.performance peer"
)
CUSTOMERS, BATCH, PATIENCE = 10_000, 2_000, 300.0
# Changes for each number of segments: the peer needs its memory and its time for a thousand filters.
CHANGES = {100: 20_000, 1_000: 4_000}
TABLES = """
CREATE TABLE members (segment bigint, customer bigint, PRIMARY KEY (segment, customer));
CREATE TABLE history (segment bigint, customer bigint, time bigint, diff bigint);
"""
Members = set[tuple[int, int]]


def run(server: Postgres) -> None:
    """Print both rates for each number of segments, or how to install the peer."""
    interpreter = os.environ.get(PEER)
    if interpreter is None:
        say(f"\nPeer: skipped, {PEER} is not set. To run it: {HOW}")
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
        before = _members(sessions.reading)
        worker = Worker(sessions, PublishingWriter(), batch_size=BATCH)
        worker.load()
        began, cpu = time.perf_counter(), time.process_time()
        while worker.project_events():
            continue
        ours, our_cpu = changes / (time.perf_counter() - began), (time.process_time() - cpu) / changes
        after = _members(sessions.reading)
    with _database(server) as url, tempfile.TemporaryDirectory() as folder:
        _write_job(Path(folder), url, filters, people, rows, len(before))
        taken = _run(interpreter, Path(folder))
        with psycopg.connect(url) as session:
            found: Members = set(session.execute("SELECT segment, customer FROM members").fetchall())
    line = f"  {len(filters):>5} segments: Rollcall {ours:>7,.0f} changes/s"
    if taken is None:
        slower = changes / PATIENCE
        say(f"{line}   Pathway under {slower:,.0f}/s: {changes:,} changes were not done in {PATIENCE:.0f} s")
        return
    theirs, their_cpu = changes / taken["seconds"], taken["cpu"] / changes
    same = "the same members" if found == after else f"{len(found ^ after):,} members differ"
    say(f"{line}   Pathway {theirs:>7,.0f}/s   {ours / theirs:.1f} x   {same}")
    say(f"        CPU of the process alone: {our_cpu * 1e6:,.0f} and {their_cpu * 1e6:,.0f} us a change")


def _members(session: Connection[Any]) -> Members:
    """Pairs of the number of a segment, in the order of their creation, and that of a customer."""
    query = """
        SELECT s.number, substr(c.attributes->>'external_id', 2)::bigint
        FROM (SELECT serving, row_number() OVER (ORDER BY segment_no) - 1 AS number FROM segments) s
        JOIN members m ON m.version_no = s.serving JOIN customers c ON c.customer_no = m.customer_no
    """
    return set(session.execute(query).fetchall())


def _run(interpreter: str, folder: Path) -> dict[str, float] | None:
    """The seconds that the peer took, and those of its CPU; `None` where it does not end in time."""
    job = Path(__file__).with_name("pathway_job.py")
    try:
        done = subprocess.run(
            [interpreter, "-P", job, folder], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    assert done.returncode == 0, done.stderr[-4_000:]
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def _row(number: int, attributes: dict[str, Any]) -> str:
    row: dict[str, Any] = {"customer": number, **{key: attributes.get(key) for key in workload.TYPES}}
    numbers = {key for key, kind in workload.TYPES.items() if kind == "number" and row[key] is not None}
    return json.dumps({key: float(each) if key in numbers else each for key, each in row.items()})


def _write_job(
    folder: Path, url: str, filters: Sequence[Any], people: Sequence[Any], rows: Sequence[str], members: int
) -> None:
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    job = {
        "conninfo": url,
        "settings": {key: given[key] for key in ("host", "port", "dbname", "user", "password") if key in given},
        "types": workload.TYPES,
        "filters": filters,
        "members": members,
        "batch": BATCH,
    }
    (folder / "job.json").write_text(json.dumps(job, default=float))
    (folder / "customers.jsonl").write_text("\n".join(_row(number, each) for number, each in enumerate(people)))
    (folder / "changes.jsonl").write_text("\n".join(rows))


@contextmanager
def _database(server: Postgres) -> Iterator[str]:
    url = make_conninfo(server.url, dbname="bench_peer")
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE bench_peer"))
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(TABLES)
    yield url
    drop(server, url)
