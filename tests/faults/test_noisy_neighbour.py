"""One account floods the API with every kind of request; another reads and writes beside it, and the health answers.

Prints how long the other account's requests take quiet and beside the flood: a busy machine decides about those, so
only counts are asserted. FULL_SIZE=1 floods with more, for longer, under the default limits but for streams' patience.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from domain.customer import CustomerChange, parse_customer_data
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.role_processes import RoleProcesses

CUSTOMERS, SECONDS, QUIET = (60_000, 60.0, 10.0) if FULL_SIZE else (4_000, 6.0, 2.0)
# How often each name repeats some words: the stream of all of them does not fit into a connection's buffers.
LONG = 20 if FULL_SIZE else 150
CROWD = {
    "waiters": 300,
    "searchers": 100,
    "editors": 8,
    "bulks": 1,
    "streamers": 4,
    "previewers": 32,
    "bulk_lines": 50_000,
}
FEWER = {
    "waiters": 40,
    "searchers": 24,
    "editors": 4,
    "bulks": 1,
    "streamers": 4,
    "previewers": 12,
    "bulk_lines": 2_000,
}
# So small that a small crowd meets them too.
SMALL_LIMITS = {"ROLLCALL_LIMIT_WAITING": "20", "ROLLCALL_LIMIT_QUEUED": "8", "ROLLCALL_HTTP_ANSWER_SECONDS": "2"}
USUAL_LIMITS = {"ROLLCALL_HTTP_ANSWER_SECONDS": "10"}
HEALTHY = 0.2  # seconds in which each health endpoint answers on a machine that is not busy with other tests


class Neighbour:
    """Another account's program: how long each kind of its requests took, and how they were answered."""

    def __init__(self, address: str, key: str) -> None:
        self._http = HTTPConnection(address, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.answers: Counter[int] = Counter()

    def close(self) -> None:
        self._http.close()

    def work(self, seconds: float) -> dict[str, list[float]]:
        took: dict[str, list[float]] = {"PUT": [], "GET": [], "/livez": [], "/readyz": [], "/metrics": []}
        deadline = time.monotonic() + seconds
        number = 0
        while time.monotonic() < deadline:
            number += 1
            body = json.dumps({"name": f"Bo {number}"})
            took["PUT"].append(self._ask("PUT", f"/v1/customers/b{number % 50}", body))
            took["GET"].append(self._ask("GET", "/v1/customers?query=bo"))
            for path in ("/livez", "/readyz", "/metrics"):
                took[path].append(self._ask("GET", path))
        return took

    def _ask(self, method: str, path: str, body: str | None = None) -> float:
        began = time.perf_counter()
        self._http.request(method, path, body, self._headers)
        answer = self._http.getresponse()
        answer.read()
        self.answers[answer.status] += 1
        return time.perf_counter() - began


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_flood_of_one_account_leaves_the_others_their_answers(installation: Installation, tmp_path: Path) -> None:
    noisy, quiet = (installation.account(name) for name in ("noisy", "quiet"))
    installation.rollcall.attributes.declare(noisy, "plan", "text", None)
    key, other_key = installation.key(noisy), installation.key(quiet)
    for start in range(0, CUSTOMERS, 2_000):
        changes = [
            CustomerChange(f"a{n}", "changed", installation.now(), parse_customer_data(person(n)))
            for n in range(start, start + 2_000)
        ]
        installation.rollcall.customers.change(noisy, changes)
    installation.project()
    roles = RoleProcesses(installation.url, tmp_path, key, **(USUAL_LIMITS if FULL_SIZE else SMALL_LIMITS))
    try:
        address = str(roles.http.base_url).removeprefix("http://").rstrip("/")
        asked = scene(roles) | {"url": f"http://{address}", "key": key} | (CROWD if FULL_SIZE else FEWER)
        neighbour = Neighbour(address, other_key)
        show("quiet", neighbour.work(QUIET))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.support.trouble.flood"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as flood:
            assert flood.stdin is not None
            flood.stdin.write(json.dumps(asked) + "\n")
            flood.stdin.flush()
            beside = neighbour.work(SECONDS)
            seen = json.loads(flood.communicate(timeout=120)[0])
        show("beside the flood", beside)
        print("the flood was answered", seen["answers"])
        neighbour.close()
        late = {path: sum(each > HEALTHY for each in took) for path, took in beside.items() if path.startswith("/")}
        print(f"health answers later than {HEALTHY} s", late)
    finally:
        roles.close()
    assert set(neighbour.answers) <= {200, 201}, neighbour.answers
    assert len(beside["PUT"]) > SECONDS, "the other account's requests hardly get through"
    refused = {name.split()[0] for name in seen["answers"] if name.endswith(" 429")}
    assert refused >= {"waiters", "searchers", "streamers", "previewers"}, seen["answers"]
    assert seen["without_headers"] == {}
    assert seen["answers"].get("streamers ended"), "a stream that no client reads is ended"
    assert not [name for name in seen["answers"] if name.split()[1] == "500"]
    assert seen["answers"]["searchers 200"] > 0, "the account that floods is served too"


def person(number: int) -> dict[str, Any]:
    name = f"Al {number} " + "of a very long name " * LONG
    return {"name": name, "phone": f"+3519{10_000_000 + number}", "attributes": {"plan": f"p{number % 7}"}}


def scene(roles: RoleProcesses) -> dict[str, Any]:
    """Segments to edit and a campaign that reaches every customer."""

    def segment(name: str, condition: dict[str, Any]) -> str:
        body = {"name": name, "type": "dynamic", "filter": [condition]}
        return str(roles.http.post("/v1/segments", json=body).raise_for_status().json()["id"])

    edited = [segment(f"edited {n}", {"attribute": "plan", "operator": "equals", "value": "p1"}) for n in range(8)]
    everyone = segment("everyone", {"attribute": "name", "operator": "starts_with", "value": "Al"})
    campaign = roles.http.post("/v1/campaigns", json={"name": "all", "segment_ids": [everyone]}).json()["id"]
    return {"segments": edited, "campaign": campaign, "far": 10**6}


def show(name: str, took: dict[str, list[float]]) -> None:
    for kind, seconds in took.items():
        ordered = sorted(seconds)
        p50, p99 = (ordered[int(len(ordered) * part)] * 1_000 for part in (0.5, 0.99))
        print(
            f"{name}: {kind} {len(ordered)} times, p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {ordered[-1] * 1e3:.0f} ms"
        )
