"""What both comparisons with the peer need: its interpreter, a database for its results, and Rollcall's members."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.embedded.postgres import Postgres
from tests.performance.stage import drop, say

PEER = "BENCH_PEER"
HOW = (
    "python -m venv .peer && .peer/bin/pip install -r tests/performance/peer/requirements.txt, then "
    f"{PEER}=.peer/bin/python python -m tests.performance peer peer_behaviour"
)
PATIENCE = 300.0
TABLES = """
CREATE TABLE members (segment bigint, customer bigint, PRIMARY KEY (segment, customer));
CREATE TABLE history (segment bigint, customer bigint, time bigint, diff bigint);
CREATE INDEX ON history (customer) WHERE segment = -1;
"""
Members = set[tuple[int, int]]


def peer_interpreter() -> str | None:
    """The Python that runs the peer; `None`, once it is printed how to make one, where none is named."""
    interpreter = os.environ.get(PEER)
    if interpreter is None:
        say(f"\nPeer: skipped, {PEER} is not set. To run it: {HOW}")
    return interpreter


def our_members(session: Connection[Any]) -> Members:
    """Pairs of the number of a segment, in the order of their creation, and that of a customer."""
    query = """
        SELECT s.number, substr(c.attributes->>'external_id', 2)::bigint
        FROM (SELECT serving, row_number() OVER (ORDER BY segment_no) - 1 AS number FROM segments) s
        JOIN members m ON m.version_no = s.serving JOIN customers c ON c.customer_no = m.customer_no
    """
    return set(session.execute(query).fetchall())


def peer_members(url: str) -> Members:
    """The same pairs as the peer wrote them."""
    with psycopg.connect(url) as session:
        return set(session.execute("SELECT segment, customer FROM members WHERE segment >= 0").fetchall())


def run_job(interpreter: str, script: str, folder: Path) -> Any:
    """What a job of the peer printed last; `None` where it does not end in time."""
    job = Path(__file__).with_name(script)
    try:
        done = subprocess.run(
            [interpreter, "-P", job, folder], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout.splitlines()[-1])


def address(url: str) -> dict[str, Any]:
    """A database as a job needs it: for its own session, and for the peer's connector."""
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    settings = {key: given[key] for key in ("host", "port", "dbname", "user", "password") if key in given}
    return {"conninfo": url, "settings": settings}


@contextmanager
def peer_database(server: Postgres) -> Iterator[str]:
    """A database with empty tables of members and history; dropped afterwards."""
    url = make_conninfo(server.url, dbname="bench_peer")
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE bench_peer"))
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(TABLES)
    yield url
    drop(server, url)
