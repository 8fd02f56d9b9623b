"""`rollcall api` killed with -9 while analytics SDKs send: what they repeat arrives, and nothing arrives twice.

FULL_SIZE=1 in the environment sends 10,000 by each, and by those for Node.js too: one half before the kills and the
other after them, because RudderStack's repeats for a second and a half, which is less than a start takes.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.role_processes import RoleProcesses
from tests.support.running_product import eventually
from tests.support.sdk.sending import NODE, PYTHON, NodeSdk, installed_node_sdks, send_by_python

COUNT, KILLS = (10_000, 3) if FULL_SIZE else (300, 1)


@pytest.fixture
def rollcall(installation: Installation, tmp_path: Path) -> Iterator[RoleProcesses]:
    running = RoleProcesses(installation.url, tmp_path, installation.key(installation.account()))
    yield running
    running.close()


def new_key(rollcall: RoleProcesses) -> str:
    return str(rollcall.http.post("/v1/keys", json={"name": "An SDK", "kind": "sdk"}).raise_for_status().json()["key"])


def times_stored(installation: Installation) -> Counter[Any]:
    """How often the log holds each customer's message."""
    with installation.owner() as owner:
        rows = owner.execute(
            "SELECT convert_from(state, 'UTF8')::jsonb->'values'->>'external_id' FROM stored_events "
            "WHERE topic = 'rollcall.customer.changed'"
        ).fetchall()
    return Counter(external_id for (external_id,) in rows)


def has_more(installation: Installation, than: int) -> bool:
    return times_stored(installation).total() > than


def send_slowly(sdk: str, host: str, key: str) -> str:
    """As an application that works meanwhile; what went wrong."""
    steps = send_by_python(sdk, host, key, range(COUNT))
    for number in range(COUNT):
        next(steps)
        if number % 50 == 0:
            time.sleep(0.05)
    return deque(steps, maxlen=1).pop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_while_sdks_send_every_message_is_stored_once(
    installation: Installation, rollcall: RoleProcesses, tmp_path: Path
) -> None:
    host = str(rollcall.http.base_url)
    folder = installed_node_sdks(tmp_path) if FULL_SIZE else tmp_path
    by_node = {sdk: NodeSdk(folder, sdk, host, new_key(rollcall), COUNT) for sdk in NODE if FULL_SIZE}
    for sender in by_node.values():
        sender.wait_for_half()
    with ThreadPoolExecutor(len(PYTHON)) as threads:
        sent = {sdk: threads.submit(send_slowly, sdk, host, new_key(rollcall)) for sdk in PYTHON}
        for _ in range(KILLS):
            eventually(partial(has_more, installation, times_stored(installation).total()))
            rollcall.kill("api")
            rollcall.wait_until_ready()
        assert {sdk: each.result() for sdk, each in sent.items()} == dict.fromkeys(PYTHON, "")
        assert {sdk: each.go_on() for sdk, each in by_node.items()} == {
            sdk: {"delivered": COUNT, "errors": []} for sdk in by_node
        }
    assert times_stored(installation) == Counter(f"{sdk}-{n}" for sdk in (*PYTHON, *by_node) for n in range(COUNT))
    rows = rollcall.http.get("/v1/received").json()["data"]
    results = {row["result"]: row["count"] for row in rows}
    # A batch that was stored, and killed before its answer, was sent again.
    assert results.pop("created") == COUNT * len([*PYTHON, *by_node])
    assert set(results) <= {"duplicate"}
    print(f"{rollcall.kills['api']} kills, {results.get('duplicate', 0)} messages sent twice")
