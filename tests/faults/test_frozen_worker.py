"""A projection worker that hangs (SIGSTOP) in the middle of its work: another takes its shards, and only one writes.

FULL_SIZE=1 in the environment freezes in 40 rounds instead of one.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.clock import machine_now
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.read_model import read_model
from tests.support.role_processes import Project
from tests.support.running_product import eventually

ROUNDS = 40 if FULL_SIZE else 1
TAKEOVER_SECONDS = 15.0
DOUBLED = """
SELECT count(*) FROM (
    SELECT joined, lag(joined) OVER (PARTITION BY version_no, customer_no ORDER BY change_no) AS before
    FROM membership_changes
) AS t WHERE joined = before
"""


@contextmanager
def load(installation: Installation, account: Any) -> Iterator[None]:
    """Customers that join and leave all the while, and edits, so that batches, fills, and purges are in progress."""
    stop = threading.Event()
    failures: list[BaseException] = []
    segment = installation.rollcall.segments.create(account, SegmentDraft("S", "", "dynamic", _named(0)))

    def work(rollcall: Rollcall) -> None:
        number = 0
        try:
            while not stop.wait(0.01):
                number += 1
                names = [CustomerData(name=str((number + each) % 3)) for each in range(200)]
                changes = [CustomerChange(str(i), "changed", machine_now(), data) for i, data in enumerate(names)]
                rollcall.customers.change(account, changes)
                if number % 10 == 0:
                    rollcall.segments.edit(account, segment.id, SegmentEdit(filter=_named(number % 3)), None)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, args=(installation.rollcall,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert failures == []


def _named(number: int) -> list[dict[str, str]]:
    return [{"attribute": "name", "operator": "equals", "value": str(number)}]


def freeze(installation: Installation, frozen: Project, other: Project) -> float:
    """Stop the process with the account until the other has it and works; returns the seconds until it had."""
    stood_down = frozen.stood_down()
    frozen.signal(signal.SIGSTOP)
    began = time.monotonic()
    eventually(lambda: other.has() == (64, 1), TAKEOVER_SECONDS)
    took = time.monotonic() - began
    position = _position(installation)
    eventually(lambda: _position(installation) > position)
    frozen.signal(signal.SIGCONT)
    eventually(lambda: frozen.stood_down() > stood_down and frozen.lines()[-1]["event"] == "shards_divided")
    eventually(lambda: frozen.has()[0] == other.has()[0] == 32 and frozen.has()[1] + other.has()[1] == 1)
    return took


def projected(installation: Installation) -> None:
    """The account is in the read model before the processes count what they have."""
    with installation.projecting():
        installation.catch_up()


def divided(one: Project, other: Project) -> tuple[Project, Project]:
    """Both, the one with the account first, once they have divided the shards."""
    eventually(lambda: one.has()[0] == other.has()[0] == 32 and one.has()[1] + other.has()[1] == 1)
    return (one, other) if one.has()[1] else (other, one)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_others_take_over_from_a_frozen_worker(installation: Installation, tmp_path: Path) -> None:
    account = installation.account()
    projected(installation)
    chance = random.Random()
    frozen, other = Project(installation, tmp_path), Project(installation, tmp_path)
    takeovers = []
    try:
        with load(installation, account):
            for _ in range(ROUNDS):
                frozen, other = divided(frozen, other)
                time.sleep(chance.uniform(0.5, 1.5))  # the instant of the freeze is what varies
                takeovers.append(freeze(installation, frozen, other))
        eventually(lambda: _position(installation) == installation.rollcall.head())
    finally:
        frozen.close()
        other.close()
    print("seconds until the others had taken over:", [round(each, 1) for each in takeovers])
    assert list(verify(installation.url)) == []
    with installation.owner() as owner:
        assert owner.execute(DOUBLED).fetchall() == [(0,)]
    before = read_model(installation.url)
    rebuild(installation.url)
    assert read_model(installation.url) == before


@pytest.mark.slow
def test_the_others_take_over_at_once_from_one_that_ends(installation: Installation, tmp_path: Path) -> None:
    installation.account()
    projected(installation)
    first, other = divided(Project(installation, tmp_path), Project(installation, tmp_path))
    first.close()
    eventually(lambda: other.has() == (64, 1), 5)
    other.close()


def _position(installation: Installation) -> int:
    with installation.owner() as owner:
        ((position,),) = owner.execute("SELECT position FROM projection").fetchall()
    return int(position)
