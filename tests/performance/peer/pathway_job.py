"""The segments of a run as a Pathway job: run by `tests.performance.peer.bench` in the peer's own environment.

As its documentation has it: each segment is a filter of the customers' table, all of them are one table of members, and
the PostgreSQL connector writes it twice: as a snapshot (the members) and as a stream of changes (the history). Each
commit of the input is one minibatch of the engine and one transaction of each output. It
imports nothing of this project. It prints the seconds that the changes took, from the first one handed over,
with the members of the beginning written, until the last row was written.
"""

from __future__ import annotations

import json
import operator
import sys
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pathway as pw
import psycopg

Row = dict[str, Any]
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "equals": operator.eq,
    "not_equals": operator.ne,
    "greater_than": operator.gt,
    "after": operator.gt,
    "less_than": operator.lt,
    "before": operator.lt,
}


class Customers(pw.io.python.ConnectorSubject):  # type: ignore[misc]
    """First every customer, then the changes in batches: each one the whole row, which replaces the one before."""

    def __init__(self, job: Row, rows: list[Row], changes: list[Row]) -> None:
        super().__init__(session_type="upsert")
        self._job, self._customers, self._changes = job, rows, changes
        self.began = self.cpu = 0.0

    def run(self) -> None:
        """Called by the engine, in a thread of its own."""
        for row in self._customers:
            self.next(**row)
        self.commit()
        with psycopg.connect(self._job["conninfo"], autocommit=True) as session:
            while True:
                found = session.execute("SELECT count(*) FROM members").fetchone()
                if found is not None and found[0] == self._job["members"]:
                    break
                time.sleep(0.05)
        self.began, self.cpu = time.perf_counter(), time.process_time()
        size = self._job["batch"]
        for start in range(0, len(self._changes), size):
            for row in self._changes[start : start + size]:
                self.next(**row)
            self.commit()


def condition(table: Any, raw: Row) -> Any:
    """The expression of one condition; a customer without the value meets none but `not_equals`."""
    column = table[raw["attribute"]]
    wanted: Any = raw.get("value")
    if raw["operator"] == "is_set":
        return column.is_not_none()
    if raw["operator"] == "not_equals":
        return pw.if_else(column.is_none(), True, pw.unwrap(column) != wanted)
    known = pw.unwrap(column)
    if raw["operator"] == "in":
        holds = reduce(operator.or_, [known == each for each in wanted])
    elif raw["operator"] == "between":
        holds = (known >= wanted[0]) & (known <= wanted[1])
    else:
        holds = COMPARE[raw["operator"]](known, wanted)
    return pw.if_else(column.is_none(), False, holds)


def _lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def main(folder: Path) -> None:
    """Run the job whose files are in a folder."""
    job: Row = json.loads((folder / "job.json").read_text())
    rows, changes = (_lines(folder / name) for name in ("customers.jsonl", "changes.jsonl"))
    kinds = {"number": float, "boolean": bool}
    columns = {
        key: pw.column_definition(dtype=kinds.get(kind, str) | None, default_value=None)
        for key, kind in job["types"].items()
    }
    schema = pw.schema_builder({"customer": pw.column_definition(dtype=int, primary_key=True), **columns})
    subject = Customers(job, rows, changes)
    customers = pw.io.python.read(subject, schema=schema, autocommit_duration_ms=None)
    segments = [
        customers.filter(reduce(operator.and_, [condition(customers, each) for each in raw])).select(
            segment=number, customer=pw.this.customer
        )
        for number, raw in enumerate(job["filters"])
    ]
    members = pw.Table.concat_reindex(*segments)
    key = [members.segment, members.customer]
    pw.io.postgres.write(members, job["settings"], "members", output_table_type="snapshot", primary_key=key)
    pw.io.postgres.write(members, job["settings"], "history")
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    taken = {"seconds": time.perf_counter() - subject.began, "cpu": time.process_time() - subject.cpu}
    print(json.dumps(taken))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
