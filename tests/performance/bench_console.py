"""Every page of the console over a million customers and a thousand segments, signed in, over HTTP.

The pages are those of the console's route table: one without a case in `console_cases` fails the run. The time is
the server's own, from its request log. Over 300 ms at the median is said; what counts exactly over all customers is
exempt, and must show progress instead.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

from fastapi.routing import APIRoute
from httpx import Client

from api.console.app import ROUTERS
from deploy.embedded.postgres import Postgres
from domain.people import new_token
from projections.postgres.database import Database
from projections.records import people, sessions
from tests.performance.console_cases import Case, cases
from tests.performance.console_crowd import SEEDS, TIMES, Crowd, gather
from tests.performance.served import served
from tests.performance.stage import Stage, say, seconds, stage

TRIES, MOST_MS = 30, 300
PAGE = {"Sec-Fetch-Site": "same-origin"}


def run(server: Postgres) -> None:
    """Print the median and the worst time of every page."""
    say(f"\nConsole ({SEEDS * TIMES:,} customers, 1,000 segments; server time of {TRIES} requests, ms)")
    with ExitStack() as stack:
        scene = stack.enter_context(stage(server))
        found: list[Crowd] = []
        took = seconds(lambda: found.append(gather(scene)))
        say(f"  {SEEDS:,} customers through the log, repeated {TIMES} times in the read model, in {took:.0f} s")
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "api.log"
        client, _ = stack.enter_context(served(scene, log=log))
        crowd = found[0]
        asked = cases(crowd, _sign_in(scene, client), _imported(client, crowd))
        missing = _pages() - set(asked)
        assert not missing, f"no case for {sorted(missing)}"
        slow = [line for route in sorted(asked) for line in _measure(client, log, route, asked[route])]
        say(f"  over {MOST_MS} ms at the median: {', '.join(slow) or 'none'}")


def _pages() -> set[str]:
    return {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }


def _sign_in(scene: Stage, client: Client) -> UUID:
    """Be the account's first person; returns their id."""
    token, now = new_token(), datetime.now(UTC)
    database = Database(scene.url, "rollcall_api", size=1)
    try:
        person = people.first_person(database, scene.account_id, now)
        sessions.make_link(database, scene.account_id, person, token.sha256, now)
    finally:
        database.close()
    entered = client.post(f"/console/sign-in/{token.text}", headers={"Sec-Fetch-Site": "same-origin"})
    assert entered.headers["location"] == "/console/segments"
    return person


def _imported(client: Client, crowd: Crowd) -> str:
    """The id of an import that is done, with invalid lines."""
    lines = "phone,name\n" + "".join(f"+35196{n:07d},Somebody {n}\n12,Nobody\n" for n in range(200))
    address, headers = f"/v1/segments/{crowd.small_static}/imports", {"Authorization": f"Bearer {crowd.key}"}
    started = client.post(address, files={"file": ("list.csv", lines, "text/csv")}, headers=headers)
    made = str(started.raise_for_status().json()["id"])
    deadline = time.monotonic() + 60
    while client.get(f"/v1/imports/{made}", headers=headers).json()["state"] != "done":
        assert time.monotonic() < deadline, "the import does not end"
    return made


def _measure(client: Client, log: Path, route: str, asked: list[Case]) -> Iterator[str]:
    """Print a line for each case; those that took too long."""
    for case in asked:
        ids = [uuid4().hex for _ in range(TRIES)]
        sizes = set()
        for each in ids:
            answer = client.get(f"/console{case.address}", headers=PAGE | {"X-Request-Id": each})
            assert answer.status_code in (200, 204, 303, 410), (case.address, answer.status_code, answer.text[-2_000:])
            sizes.add(len(answer.content))
        times = _times(log, set(ids))
        over = median(times) > MOST_MS
        name = f"{route} ({case.label})" if case.label else route
        verdict = "" if not over else "   counts exactly: exempt" if case.counts else "   TOO SLOW"
        say(
            f"  {name:<86} median {median(times):7.1f}   worst {max(times):7.1f}   {max(sizes) / 1024:5.0f} kB{verdict}"
        )
        if over and not case.counts:
            yield name


def _times(log: Path, ids: set[str]) -> list[float]:
    """What the server's log says of some requests; a line comes after the answer."""
    deadline = time.monotonic() + 30
    while len(found := [float(line["ms"]) for line in _lines(log) if line.get("request_id") in ids]) < len(ids):
        assert time.monotonic() < deadline, "requests are missing from the log"
    return found


def _lines(log: Path) -> Iterator[dict[str, str | float]]:
    for line in log.read_text().splitlines():
        if "request_answered" in line:
            yield json.loads(line)
