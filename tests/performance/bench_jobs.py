"""Jobs for 100,000 customers through the real command: until done, until visible, killed on the way; beside requests.

What they are compared with does the same to the same customers without a job: one request for each thousand of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from httpx import TransportError

from tests.performance.stage import say
from tests.support.running_product import RunningProduct, eventually, running

CUSTOMERS, AT_A_TIME = 100_000, 1_000
CLASSES = ("changed", "unchanged", "not_found", "refused")
EVERYONE = {"text": "person"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def run(home: Path) -> None:
    """Print customers per second of jobs that add, tag and remove, of one that is killed, and of requests."""
    say(f"\nJobs for {CUSTOMERS:,} customers (beside: the same in requests of {AT_A_TIME:,} customers)")
    with running(home / "jobs", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as rollcall:
        _load(rollcall)
        first, second = (
            str(rollcall.ok("POST", "/v1/segments", json={"name": name, "type": "static"})["id"]) for name in "AB"
        )
        ids = [str(each) for (each,) in rollcall.rows("SELECT customer_id FROM customers ORDER BY customer_no")]
        _job(rollcall, "add", segment_id=first)
        _requests(rollcall, "add", [partial(_add, rollcall, second, some) for some in _some(ids)])
        _job(rollcall, "remove", segment_id=first)
        _job(rollcall, "add", "killed once", segment_id=first)
        _job(rollcall, "tag", value="sale")
        _requests(rollcall, "tag", [partial(_tag, rollcall, some) for some in _some(range(CUSTOMERS))])


def _load(rollcall: RunningProduct) -> None:
    for some in _some(range(CUSTOMERS)):
        _bulk(rollcall, [{"external_id": f"p{number}", "name": f"Person {number}"} for number in some])
    eventually(rollcall.is_up_to_date, 600)


def _bulk(rollcall: RunningProduct, lines: list[dict[str, Any]]) -> None:
    rollcall.ok("POST", "/v1/customers/bulk", content="\n".join(map(json.dumps, lines)), headers=NDJSON)


def _some(numbers: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (numbers[start : start + AT_A_TIME] for start in range(0, len(numbers), AT_A_TIME))


def _job(rollcall: RunningProduct, action: str, how: str = "", **task: Any) -> None:
    started = time.perf_counter()
    made = rollcall.ok("POST", "/v1/jobs", json={"action": action, "customers": EVERYONE, **task})
    address, killed = f"/v1/jobs/{made['id']}", not how
    while True:
        found = rollcall.http.get(address).json()
        if found["state"] != "running":
            break
        if not killed and found["done"] > CUSTOMERS // 3:
            killed = rollcall.kill_role("api")
            eventually(lambda: _answers(rollcall, address), 60)
        time.sleep(0.05)
    done = time.perf_counter() - started
    eventually(rollcall.is_up_to_date, 600)
    assert (found["state"], found["changed"]) == ("done", CUSTOMERS) == ("done", sum(found[each] for each in CLASSES))
    assert killed, "the job ended before its process was killed"
    _say(f"job {action}{how and ', ' + how}", done, time.perf_counter() - started)


def _answers(rollcall: RunningProduct, address: str) -> bool:
    try:
        return rollcall.http.get(address).status_code == 200
    except TransportError:
        return False


def _add(rollcall: RunningProduct, segment: str, ids: Sequence[str]) -> None:
    rollcall.ok("POST", f"/v1/segments/{segment}/members", json={"customer_ids": list(ids)})


def _tag(rollcall: RunningProduct, numbers: Sequence[int]) -> None:
    _bulk(rollcall, [{"external_id": f"p{number}", "tags": ["sale", "spring"]} for number in numbers])


def _requests(rollcall: RunningProduct, action: str, requests: list[Callable[[], None]]) -> None:
    started = time.perf_counter()
    for request in requests:
        request()
    done = time.perf_counter() - started
    eventually(rollcall.is_up_to_date, 600)
    _say(f"requests to {action}", done, time.perf_counter() - started)


def _say(what: str, done: float, visible: float) -> None:
    say(f"  {what:<24} done after {done:>6.1f} s   visible after {visible:>6.1f} s   {CUSTOMERS / visible:>7,.0f}/s")
