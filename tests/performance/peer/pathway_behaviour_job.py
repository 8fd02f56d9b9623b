"""Segments by behaviour as a Pathway job: run by `tests.performance.peer.behaviour` in the peer's own environment.

As a user of its documentation would write it: `Table.forget` lets a fact go once the newest time that it has seen is a
window later, so facts of the activity `clock` tell it the time; for each window one such table and one `groupby` by
customer and activity, which all questions about that window share; each question is a filter of the counts and sums,
and all of them are one table of members, written as a snapshot (the members) and as a stream of changes (the history).
A customer of segment -1 is the number of a phase, so that the database says when all before it is written.
It imports nothing of this project. It prints the seconds and those of CPU that each phase took, and the most
memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pathway as pw
import psycopg

Row = dict[str, Any]
COLUMNS = {"customer": int, "activity": str, "time": int, "total": int}
WRITTEN = """
SELECT EXISTS (SELECT FROM members WHERE segment = -1 AND customer = %(phase)s)
   AND EXISTS (SELECT FROM history WHERE segment = -1 AND customer = %(phase)s)
"""


class Facts(pw.io.python.ConnectorSubject):  # type: ignore[misc]
    """The facts of each phase in its batches; the next phase begins once the results of this one are written."""

    def __init__(self, conninfo: str, phases: list[list[list[list[Any]]]]) -> None:
        super().__init__()
        self._conninfo, self._phases = conninfo, phases
        self.taken: list[dict[str, float]] = []

    def run(self) -> None:
        """Called by the engine, in a thread of its own."""
        with psycopg.connect(self._conninfo, autocommit=True) as session:
            for number, batches in enumerate(self._phases):
                began, cpu = time.perf_counter(), time.process_time()
                for batch in [*batches[:-1], [*batches[-1], [number, "phase", 0, 0]]]:
                    for row in batch:
                        self.next(**dict(zip(COLUMNS, row, strict=True)))
                    self.commit()
                while session.execute(WRITTEN, {"phase": number}).fetchone() != (True,):
                    time.sleep(0.01)
                self.taken.append({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu})


def members_of(facts: Any, questions: list[Row]) -> Any:
    """The members of the segment of each question, and the phases that are done."""
    values = {
        window: facts.forget(facts.time, window)
        .groupby(pw.this.customer, pw.this.activity)
        .reduce(pw.this.customer, pw.this.activity, count=pw.reducers.count(), sum=pw.reducers.sum(pw.this.total))
        for window in {each["window"] for each in questions}
    }
    segments = [facts.filter(facts.activity == "phase").select(segment=-1, customer=pw.this.customer)]
    for number, each in enumerate(questions):
        value = values[each["window"]]
        holds = (value.activity == each["activity"]) & (value[each["aggregate"]] >= each["value"])
        segments.append(value.filter(holds).select(segment=number, customer=pw.this.customer))
    return pw.Table.concat_reindex(*segments)


def main(folder: Path) -> None:
    """Run the job whose files are in a folder."""
    job: Row = json.loads((folder / "job.json").read_text())
    schema = pw.schema_builder({key: pw.column_definition(dtype=kind) for key, kind in COLUMNS.items()})
    subject = Facts(job["conninfo"], job["phases"])
    facts = pw.io.python.read(subject, schema=schema, autocommit_duration_ms=None)
    members = members_of(facts, job["questions"])
    key = [members.segment, members.customer]
    pw.io.postgres.write(members, job["settings"], "members", output_table_type="snapshot", primary_key=key)
    pw.io.postgres.write(members, job["settings"], "history")
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"phases": subject.taken, "megabytes": megabytes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
