"""CSV imports of 10 MB through the real command: until done, until visible, memory; beside a COPY of the same rows.

Nearly every line names a new customer. The floor copies what the import has made into equal tables with equal
indexes, one transaction a table: nothing that ends with these rows can be faster on this server.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from tests.performance.stage import say
from tests.support.running_product import RunningProduct, eventually, running

SIZE = 10 * 2**20
AT_ONCE = 5
FIRST, LAST = (
    ("Ana", "Rui", "Maria", "João", "Inês", "Pedro", "Zoé", "Luís"),
    ("Silva", "Costa", "Santos", "Sá", "Dias"),
)
TABLES = (
    "rollcall.stored_events", "rollcall.customer_states", "rollcall.static_members",
    "rollcall.membership_change_blocks",
    "rollcall_model.customers", "rollcall_model.customer_days", "rollcall_model.customer_instants",
    "rollcall_model.members", "rollcall_model.membership_history",
)  # fmt: skip


def run(home: Path) -> None:
    """Print lines per second and memory of one import and of several at once, and the floor."""
    say(f"\nImport of CSV files of {SIZE:,} bytes (floor = COPY of the rows that it made, all indexes)")
    for files in (1, AT_ONCE):
        with running(home / f"imports-{files}", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as rollcall:
            lines = _import(rollcall, files)
            if files == 1:
                _floor(rollcall, lines)


def _import(rollcall: RunningProduct, files: int) -> int:
    contents = [_content(random.Random(number)) for number in range(files)]
    into = [rollcall.ok("POST", "/v1/segments", json={"name": "List", "type": "static"})["id"] for _ in contents]
    with _watching(rollcall) as memory:
        before = dict(memory)
        started = time.perf_counter()
        addresses = [
            rollcall.http.post(f"/v1/segments/{segment}/imports", files={"file": ("a.csv", each)}).headers["Location"]
            for segment, each in zip(into, contents, strict=True)
        ]
        still = _follow(rollcall, addresses, started)
        done = time.perf_counter() - started
        eventually(rollcall.is_up_to_date, 1_800)
        visible = time.perf_counter() - started
    found = [rollcall.ok("GET", each) for each in addresses]
    assert all(each["state"] == "done" and each["invalid"] == 0 for each in found), found
    lines: int = sum(each["lines"] for each in found)
    say(
        f"  {files} at once, {lines:>9,} lines: done after {done:>6.1f} s   all members visible after {visible:>6.1f} s"
        f"   {lines / visible:>7,.0f} lines/s   longest without progress {still:.2f} s"
        f"\n    memory before and at most: api {before['api']} -> {memory['api']} MB,"
        f" project {before['project']} -> {memory['project']} MB"
    )
    return lines


def _content(chance: random.Random) -> bytes:
    """As many lines as fit; some names are not ASCII."""
    lines, left = ["phone,name"], SIZE - 11
    for number in chance.sample(range(10_000_000), SIZE // 20):
        line = f"+3519{chance.choice('1236')}{number:07},{chance.choice(FIRST)} {chance.choice(LAST)}"
        left -= len(line.encode()) + 1
        if left < 0:
            break
        lines.append(line)
    return ("\n".join(lines) + "\n").encode()


def _follow(rollcall: RunningProduct, addresses: list[str], started: float) -> float:
    """Wait for the end of every import; the longest time between two lines that were seen to be counted."""
    longest, seen, since = 0.0, -1, started
    while True:
        found = [rollcall.ok("GET", each) for each in addresses]
        now = time.perf_counter()
        longest = max(longest, now - since)
        if (lines := sum(each["lines"] for each in found)) != seen:
            seen, since = lines, now
        if all(each["state"] != "running" for each in found):
            return longest
        time.sleep(0.05)


@contextmanager
def _watching(rollcall: RunningProduct) -> Iterator[dict[str, int]]:
    """The most memory, in MB, that the processes of API and projection held."""
    most = {"api": 0, "project": 0}
    stop = threading.Event()

    def look() -> None:
        for name in tuple(most):
            pid = rollcall.up.role(name)
            if pid is not None:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                most[name] = max(most[name], pages * os.sysconf("SC_PAGE_SIZE") >> 20)

    def watch() -> None:
        while not stop.wait(0.25):
            look()

    look()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()


def _floor(rollcall: RunningProduct, lines: int) -> None:
    total = 0.0
    with psycopg.connect(rollcall.database_url, autocommit=True) as owner:
        for table in TABLES:
            total += _copied(owner, sql.Identifier(*table.split(".")))
    say(f"    floor: {total:.1f} s for {len(TABLES)} tables, {lines / total:,.0f} lines/s")


def _copied(owner: Connection[Any], table: sql.Composable) -> float:
    """Seconds that a COPY of all rows into a table like this one takes."""
    names = owner.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''"
        " AND NOT attisdropped ORDER BY attnum",
        [table.as_string(owner)],
    )
    columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in names.fetchall())
    owner.execute(sql.SQL("CREATE TABLE public.copied (LIKE {} INCLUDING ALL)").format(table))
    with owner.cursor().copy(sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(table, columns)) as out:
        rows = [bytes(each) for each in out]
    started = time.perf_counter()
    statement = sql.SQL("COPY public.copied ({}) FROM STDIN (FORMAT binary)").format(columns)
    with owner.cursor().copy(statement) as into:
        for each in rows:
            into.write(each)
    took = time.perf_counter() - started
    owner.execute("DROP TABLE public.copied")
    return took
