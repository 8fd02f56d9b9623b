"""Every page of the console over a million customers and a thousand segments, signed in, over HTTP.

The pages are those of the console's route table: one without a case here fails the run. The time is the server's
own, from its request log. Over 300 ms at the median is said; what counts exactly over all customers is exempt, and
must show progress instead.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple
from uuid import UUID, uuid4

from fastapi.routing import APIRoute
from httpx import Client

from api.console.app import ROUTERS
from deploy.embedded.postgres import Postgres
from domain.people import new_token
from projections import people, sessions
from projections.database import Database
from tests.performance.console_crowd import SEEDS, TIMES, Crowd, gather
from tests.performance.served import served
from tests.performance.stage import Stage, say, seconds, stage

TRIES, MOST_MS = 30, 300
PAGE = {"Sec-Fetch-Site": "same-origin"}


class Case(NamedTuple):
    """An address of a page; `counts`: it counts exactly over all customers and is exempt."""

    label: str
    address: str
    counts: bool = False


def cases(crowd: Crowd, person_id: UUID) -> dict[str, list[Case]]:
    """For each route what is asked of it: what people ask most, and the worst that they could."""
    largest, static = f"/segments/{crowd.everybody}", f"/segments/{crowd.static}"
    busy, nested = f"/segments/{crowd.busy}", f"/segments/{crowd.nested}"
    return {
        "/sign-in": [Case("", "/sign-in")],
        "/sign-in/{token}": [Case("one that is used up", "/sign-in/used-up")],
        "/you": [Case("", "/you")],
        "/people": [Case("", "/people")],
        "/people/new": [Case("", "/people/new")],
        "/people/{person_id}/remove": [Case("", f"/people/{person_id}/remove")],
        "/segments": [
            Case("first page", "/segments"),
            Case("100 rows, by name", "/segments?rows=100&name=segment"),
            Case("nothing found", "/segments?name=zebra"),
        ],
        "/segments/{segment_id}/delete": [Case("a million members", f"{largest}/delete")],
        "/segments/{segment_id}/customers/{customer_id}/why": [
            Case("a member", f"{largest}/customers/{crowd.customer}/why"),
            Case("of segments", f"{nested}/customers/{crowd.customer}/why"),
            Case("of a list", f"{static}/customers/{crowd.customer}/why"),
            Case("long history", f"{busy}/customers/{crowd.customer}/why"),
        ],
        "/segments/{segment_id}/why": [
            Case("a name", f"{largest}/why?query=ana+petrov+5"),
            Case("one letter", f"{largest}/why?query=a"),
            Case("a number", f"{largest}/why?query=%2B351910012345"),
        ],
        "/segments/{segment_id}/history": [
            *(Case(f"2 million flips, {each}", f"{busy}/history?range={each}") for each in ("day", "month", "all")),
            Case("a million joins at once, all", f"{largest}/history?range=all"),
        ],
        "/health": [Case("", "/health")],
        "/health/dead-letters/{dead_letter_id}": [Case("", f"/health/dead-letters/{crowd.dead_letter}")],
    }


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
        asked = cases(found[0], _sign_in(scene, client))
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
    """Be the account's first person; her id."""
    token, now = new_token(), datetime.now(UTC)
    database = Database(scene.url, "rollcall_api", size=1)
    try:
        person = people.first_of(database, scene.account_id, now)
        sessions.make_link(database, scene.account_id, person, token.sha256, now)
    finally:
        database.close()
    assert client.get(f"/console/sign-in/{token.text}").headers["location"] == "/console/segments"
    return person


def _measure(client: Client, log: Path, route: str, asked: list[Case]) -> Iterator[str]:
    """Print a line for each case; those that took too long."""
    for case in asked:
        ids = [uuid4().hex for _ in range(TRIES)]
        sizes = set()
        for each in ids:
            answer = client.get(f"/console{case.address}", headers=PAGE | {"X-Request-Id": each})
            assert answer.status_code in (200, 410), (case.address, answer.status_code, answer.text[-2_000:])
            sizes.add(len(answer.content))
        times = [float(line["ms"]) for line in _lines(log) if line.get("request_id") in set(ids)]
        assert len(times) == TRIES
        over = median(times) > MOST_MS
        name = f"{route} ({case.label})" if case.label else route
        verdict = "" if not over else "   counts exactly: exempt" if case.counts else "   TOO SLOW"
        say(
            f"  {name:<86} median {median(times):7.1f}   worst {max(times):7.1f}   {max(sizes) / 1024:5.0f} kB{verdict}"
        )
        if over and not case.counts:
            yield name


def _lines(log: Path) -> Iterator[dict[str, str | float]]:
    for line in log.read_text().splitlines():
        if "request_answered" in line:
            yield json.loads(line)
