"""Every page of the console over a million customers and ten thousand segments, signed in, over HTTP and in a browser.

The pages are those of the console's route table: one without a case in `cases` is said. The time is the server's
own, from its request log; then `painting` looks at the pages that people see. Over 300 ms at the median is said; what
counts exactly over all customers is exempt, and must show progress instead. Loading takes most of the time: a folder
that is kept (`--keep FOLDER`) has it for the next run.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

from fastapi.routing import APIRoute
from httpx import Client
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.console.app import ROUTERS
from deploy.embedded.postgres import Postgres
from domain.people import new_token
from projections.postgres.database import Database
from projections.records import people, sessions
from tests.performance.console import painting
from tests.performance.console.cases import Case, cases
from tests.performance.console.crowd import SEEDS, TIMES, Crowd, gather, renew
from tests.performance.console.made import PAGE, make
from tests.performance.served import served
from tests.performance.stage import Stage, say, seconds, stage, stage_on

TRIES, FEW, MOST_MS = 30, 3, 300
# 410: a sign-in link that is used up.
ANSWERED = (200, 204, 303, 410)


def run(server: Postgres, kept: Path | None = None) -> None:
    """Print the median and the worst time of every page; `kept` is the folder that keeps the load."""
    say(f"\nConsole ({SEEDS * TIMES:,} customers, 10,000 segments; server time of {TRIES} requests, ms)")
    with ExitStack() as stack:
        scene, crowd = _loaded(stack, server, kept)
        # What the run before appended, on a load that was kept.
        scene.project()
        renew(scene)
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "api.log"
        client, _ = stack.enter_context(served(scene, log=log))
        person = _sign_in(scene, client)
        asked = cases(crowd, person, make(client, crowd))
        slow = [line for route in sorted(asked) for line in _measure(client, log, route, asked[route])]
        say(f"  over {MOST_MS} ms at the median: {', '.join(slow) or 'none'}")
        say(f"  without a case: {', '.join(sorted(_pages() - set(asked))) or 'none'}")
        painting.run(crowd, client)


def _loaded(stack: ExitStack, server: Postgres, kept: Path | None) -> tuple[Stage, Crowd]:
    """The stage with its crowd: the one that was kept, if any, else a new one, which is kept if there is a folder."""
    note = None if kept is None else kept / "console.json"
    if note is not None and note.exists():
        noted = json.loads(note.read_text())
        scene = stack.enter_context(
            stage_on(make_conninfo(server.url, dbname=noted["database"]), UUID(noted["account"]))
        )
        return scene, Crowd(**noted["crowd"])
    scene = stack.enter_context(stage(server))
    found: list[Crowd] = []
    took = seconds(lambda: found.append(gather(scene)))
    say(f"  {SEEDS:,} customers through the log, repeated {TIMES} times in the read model, in {took:.0f} s")
    if note is not None:
        database = conninfo_to_dict(scene.url)["dbname"]
        keeping = {"database": database, "account": str(scene.account_id), "crowd": asdict(found[0])}
        note.write_text(json.dumps(keeping, default=str))
    return scene, found[0]


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
    entered = client.post(f"/console/sign-in/{token.text}", headers=PAGE)
    assert entered.headers["location"] == "/console/overview"
    return person


def _measure(client: Client, log: Path, route: str, asked: list[Case]) -> Iterator[str]:
    """Print a line for each case; those that took too long."""
    for case in asked:
        ids = [uuid4().hex for _ in range(FEW if case.counts else TRIES)]
        sizes = set()
        for each in ids:
            answer = client.get(f"/console{case.address}", headers=PAGE | {"X-Request-Id": each})
            if answer.status_code not in ANSWERED:
                yield f"{case.address} (answered {answer.status_code})"
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
