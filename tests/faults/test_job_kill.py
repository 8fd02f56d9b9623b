"""`rollcall api` killed with -9 while it runs jobs: another process completes them, and nothing is done twice.

FULL_SIZE=1 in the environment runs the big one: 100,000 customers, killed again and again.
"""

from __future__ import annotations

import json
import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.role_processes import RoleProcesses
from tests.support.running_product import eventually

PEOPLE, KILLS = (100_000, 6) if FULL_SIZE else (6_000, 1)
ALREADY = PEOPLE // 10  # are in the list, and have the tag, before
CLASSES = ("changed", "unchanged", "not_found", "refused")
EVERYONE = {"text": "person"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_jobs_whose_process_is_killed_are_completed_by_another_and_nothing_is_doubled(
    installation: Installation, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    key = installation.key(installation.account())
    rollcall = RoleProcesses(installation.url, tmp_path, key)
    try:
        people(rollcall)
        segment = rollcall.http.post("/v1/segments", json={"name": "All", "type": "static"}).json()["id"]
        few = [{"attribute": "tags", "operator": "includes_any", "value": ["sale"]}]
        begin(rollcall, "add", segment_id=segment, customers=EVERYONE | {"filter": few})
        eventually(lambda: not running(rollcall), 300)
        begun = time.monotonic()
        begin(rollcall, "add", segment_id=segment, customers=EVERYONE)
        begin(rollcall, "tag", value="sale", customers=EVERYONE)
        found_work = 0
        for _ in range(KILLS):
            eventually(partial(went_on, rollcall, done(rollcall)), 300)
            time.sleep(chance.uniform(0, 0.1))  # the instant of the kill, within a part, is what varies
            found_work += bool(running(rollcall))
            rollcall.kill("api")
            rollcall.wait_until_ready()
        assert found_work, "every job had ended before its process was killed"
        eventually(lambda: not running(rollcall), 600)
        took = time.monotonic() - begun
        tag, add, _ = jobs(rollcall)
    finally:
        rollcall.close()
    for each in (add, tag):
        assert (each["state"], each["total"], each["done"]) == ("done", PEOPLE, PEOPLE)
        counts = {name: each[name] for name in CLASSES}
        assert counts == {"changed": PEOPLE - ALREADY, "unchanged": ALREADY, "not_found": 0, "refused": 0}
    check(installation, add["id"])
    print(f"{found_work} of {KILLS} kills met work; {2 * PEOPLE:,} customers done after {took:.1f} s, kills included")


def check(installation: Installation, add: str) -> None:
    """Each customer is in the list once, joined once, and was changed once, in the log and in the tables."""
    installation.project()
    with installation.owner() as owner:

        def counted(query: str, *given: Any) -> tuple[Any, ...]:
            (row,) = owner.execute(query, given).fetchall()
            return tuple(row)

        assert counted("SELECT count(*) FROM static_members") == (PEOPLE,)
        assert counted("SELECT count(*), count(DISTINCT customer_no) FROM members") == (PEOPLE, PEOPLE)
        history = "SELECT count(*), count(DISTINCT customer_no) FROM membership_history"
        assert counted(history) == (PEOPLE, PEOPLE)
        added = (
            "SELECT count(*), count(DISTINCT customer) FROM stored_events e CROSS JOIN LATERAL"
            " jsonb_array_elements_text(convert_from(e.state, 'UTF8')::jsonb->'customer_ids') AS t (customer)"
            " WHERE e.originator_id = %s"
        )
        assert counted(added, add) == (PEOPLE - ALREADY, PEOPLE - ALREADY)
        tagged = "SELECT count(*), count(*) FILTER (WHERE attributes->'tags' = '[\"sale\"]') FROM customers"
        assert counted(tagged) == (PEOPLE, PEOPLE)
        versions = "SELECT version, count(*) FROM customers GROUP BY 1 ORDER BY 1"
        assert owner.execute(versions).fetchall() == [(1, ALREADY), (2, PEOPLE - ALREADY)]
        assert counted("SELECT count(*) FROM job_parts") == (0,)


def people(rollcall: RoleProcesses) -> None:
    """Customers, some with the tag."""
    for start in range(0, PEOPLE, 4_000):
        lines = [
            json.dumps({"external_id": f"p{n}", "name": f"Person {n}"} | ({"tags": ["sale"]} if n < ALREADY else {}))
            for n in range(start, min(start + 4_000, PEOPLE))
        ]
        rollcall.http.post("/v1/customers/bulk", content="\n".join(lines), headers=NDJSON).raise_for_status()


def begin(rollcall: RoleProcesses, action: str, **body: Any) -> None:
    rollcall.http.post("/v1/jobs", json={"action": action, **body}).raise_for_status()


def jobs(rollcall: RoleProcesses) -> list[dict[str, Any]]:
    """All of them, the newest first."""
    found: list[dict[str, Any]] = rollcall.http.get("/v1/jobs").json()["data"]
    return found


def running(rollcall: RoleProcesses) -> list[dict[str, Any]]:
    return [each for each in jobs(rollcall) if each["state"] == "running"]


def done(rollcall: RoleProcesses) -> int:
    return sum(int(each["done"]) for each in jobs(rollcall))


def went_on(rollcall: RoleProcesses, before: int) -> bool:
    """Returns whether more is done than before, or all."""
    return done(rollcall) > before or not running(rollcall)
