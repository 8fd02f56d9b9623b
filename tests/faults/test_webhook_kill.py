"""The process that delivers webhooks, killed with -9 again and again while changes are delivered: none is lost.

What was accepted just before a kill comes again, as the same message. FULL_SIZE=1 in the environment kills it for
minutes.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from tests.support.embedded_processes import ROLLCALL, environment
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.postgres import address_of
from tests.support.running_product import eventually
from tests.support.webhooks.hooks import folded, hook, members, put, put_many, read, segment
from tests.support.webhooks.receiver import LOCAL, Answered, Received, Receiver

CUSTOMERS, KILLS = (1_000, 60) if FULL_SIZE else (300, 2)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def started(installation: Installation, home: Path) -> subprocess.Popen[bytes]:
    settings = {"ROLLCALL_DATABASE_URL": address_of(installation.url), "ROLLCALL_WEBHOOK_NETWORKS": ",".join(LOCAL)}
    return subprocess.Popen([ROLLCALL, "deliver"], env=environment(home, settings), stderr=subprocess.DEVNULL)


def has_arrived(receiver: Receiver, count: int) -> bool:
    return len(receiver.requests) >= count


def by_id(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each change where it arrived first."""
    return list({each["id"]: each for each in reversed(changes)}.values())[::-1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_deliverer_killed_again_and_again_loses_nothing_and_keeps_the_order(
    installation: Installation, receiver: Receiver, tmp_path: Path
) -> None:
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    key = installation.key(account)
    chance = random.Random(7)

    def answer(_: Received) -> Answered:
        time.sleep(chance.uniform(0, 0.1))
        return Answered(500 if chance.random() < 0.05 else 204)

    receiver.answer = answer
    with installation.open_api(key, webhook_networks=LOCAL) as client, installation.projecting():
        gold = segment(client)
        put_many(client, CUSTOMERS // 2, "gold")
        installation.catch_up()
        made = hook(client, receiver.url, segment_ids=[gold], full_send=True)
        deliverer = started(installation, tmp_path)
        try:
            eventually(partial(has_arrived, receiver, 1))
            for number in range(KILLS):
                # Counted before: all of them may have arrived by the time that they are put.
                before = len(receiver.requests)
                put_many(client, CUSTOMERS, ("silver", "gold")[number % 2])
                eventually(partial(has_arrived, receiver, before + 1))
                deliverer.kill()
                deliverer.wait()
                deliverer = started(installation, tmp_path)
            put(client, "last", "gold")
            # In full size some hundred messages wait, of which one in twenty is refused and waits for two seconds.
            eventually(lambda: is_delivered(client, made), 300)
        finally:
            deliverer.terminate()
            assert deliverer.wait(30) == 0
        check(client, receiver, gold, made)


def is_delivered(client: Client, made: dict[str, Any]) -> bool:
    now = read(client, made)
    return now["backlog"] == 0 and now["full_send"] is None


def check(client: Client, receiver: Receiver, gold: str, made: dict[str, Any]) -> None:
    """The receiver has the members, each change of the stream at least once and in its order, and no mixed message."""
    assert folded(receiver.changes) == members(client, gold)
    stream: list[dict[str, Any]] = []
    after, more = receiver.changes[0]["number"], True
    while more:
        page = client.get(f"/v1/segments/{gold}/changes", params={"after": after, "limit": 200}).json()
        stream, after, more = stream + page["data"], page["next_after"], page["more"]
    arrived = [each for each in by_id(receiver.changes) if each["type"] != "present"]
    assert [each["id"] for each in arrived] == [each["id"] for each in stream]
    bodies: dict[str, set[bytes]] = {}
    for each in receiver.requests:
        assert each.is_signed_with(made["secret"])
        bodies.setdefault(each.headers["webhook-id"], set()).add(each.body)
    assert all(len(different) == 1 for different in bodies.values())
