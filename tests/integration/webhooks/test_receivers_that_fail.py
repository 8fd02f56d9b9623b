"""Receivers that are away, slow, wrong or gone: nothing is lost, nothing overtakes, and the others do not wait."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from httpx import Client

from projections.model.changes import forget
from tests.support.clock import Clock
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.running_product import eventually
from tests.support.webhooks.hooks import edit, folded, hook, log_of, members, put, put_many, read, segment
from tests.support.webhooks.receiver import Answered, Received, Receiver, delivering

pytestmark = pytest.mark.attributes(plan="text")
FAILURES = 12 if FULL_SIZE else 4


def has_failed(client: Client, webhook: dict[str, Any], attempts: int) -> bool:
    return bool(read(client, webhook)["attempts"] == attempts)


def has_changes(receiver: Receiver, count: int) -> bool:
    return len(receiver.changes) == count


def test_a_message_is_sent_again_as_it_was_until_it_is_accepted(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: Answered(500, body=b"not \x00 today")
    with delivering(installation):
        put(client, "a", "gold")
        for failures in range(1, FAILURES + 1):
            eventually(partial(has_failed, client, made, failures))
            put(client, "a", "gold" if failures % 2 == 0 else None)
            clock.passes(hours=1)
        receiver.answer = lambda _: Answered()
        eventually(lambda: len(receiver.changes) == FAILURES + 1)
    first, *repeats = receiver.requests[: FAILURES + 1]
    assert all((each.headers["webhook-id"], each.body) == (first.headers["webhook-id"], first.body) for each in repeats)
    assert all(each.is_signed_with(made["secret"]) for each in receiver.requests)
    assert [each["type"] for each in receiver.changes] == (["joined", "left"] * FAILURES)[: FAILURES + 1]
    failed = log_of(client, made)[0]
    assert (failed["status"], failed["failure"], failed["answer"]) == (500, "status", "not � today")


def test_a_webhook_that_fails_for_long_is_paused_and_goes_on_with_all_that_waited(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: Answered(503)
    with delivering(installation, patience=timedelta(days=3)):
        put(client, "a", "gold")
        eventually(lambda: read(client, made)["attempts"] == 1)
        clock.passes(days=2)
        eventually(lambda: read(client, made)["attempts"] == 2)
        clock.passes(days=2)
        eventually(lambda: read(client, made)["state"] == "paused")
        put(client, "b", "gold")
        paused = read(client, made)
        assert (paused["reason"], paused["backlog"], paused["next_attempt_at"]) == ("failing", 2, None)
        receiver.answer = lambda _: Answered()
        going_on = edit(client, made, state="active")
        assert (going_on["reason"], going_on["failing_since"]) == (None, None)
        eventually(lambda: len(receiver.changes) == 2)


def test_a_person_need_not_wait_for_the_next_attempt(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: Answered(500)
    with delivering(installation):
        put(client, "a", "gold")
        eventually(partial(has_failed, client, made, 1))
        receiver.answer = lambda _: Answered()
        edit(client, made, state="active", name="Renamed")
        eventually(partial(has_changes, receiver, 1))
    assert read(client, made)["last_attempt_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1


@pytest.mark.parametrize(
    ("answered", "failure"),
    [(Answered(410), "gone"), (Answered(429, (("Retry-After", "1800"),)), "status"), (Answered(404), "status")],
)
def test_what_a_receiver_answers_decides_how_it_goes_on(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock, answered: Answered, failure: str
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: answered
    with delivering(installation):
        put(client, "a", "gold")
        eventually(lambda: log_of(client, made))
    assert log_of(client, made)[0]["failure"] == failure
    after = read(client, made)
    assert (after["state"], after["reason"]) == (("paused", "gone") if failure == "gone" else ("active", None))
    if answered.headers:
        assert after["next_attempt_at"] == (clock.now() + timedelta(seconds=1800)).isoformat().replace("+00:00", "Z")


def test_a_slow_receiver_delays_no_other(
    installation: Installation, client: Client, receiver: Receiver, other: Receiver
) -> None:
    gold = segment(client)
    go_on = Event()

    def wait(_: Received) -> Answered:
        go_on.wait(30)
        return Answered()

    receiver.answer = wait
    slow = [hook(client, f"{receiver.url}/{n}", segment_ids=[gold]) for n in range(3)]
    put(client, "a", "gold")
    # The places of four: all three wait in the first turn, and in those that follow two at most.
    with delivering(installation, seconds=0.3, places=4):
        eventually(lambda: all(read(client, each)["attempts"] >= 1 for each in slow))
        hook(client, other.url)
        for n in range(5):
            put(client, f"b{n}", "gold")
            eventually(partial(has_changes, other, n + 1))
        go_on.set()
        eventually(lambda: all(read(client, each)["backlog"] == 0 for each in slow))
    assert {each["failure"] for each in log_of(client, slow[0])} >= {"timeout"}
    for n in range(3):
        mine = [change for each in receiver.accepted if each.path.endswith(str(n)) for change in each.changes]
        assert len({each["id"] for each in mine}) == 6


def test_a_webhook_paused_for_longer_than_changes_are_kept_says_so_and_begins_with_the_members(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold = segment(client)
    made = hook(client, receiver.url)
    edit(client, made, state="paused")
    put(client, "a", "gold")
    put(client, "b", "gold")
    put(client, "a", None)
    with installation.owner() as owner:
        owner.execute("UPDATE forgotten_changes SET change_no = 2, position = 1000")
    refused = client.patch(f"/v1/webhooks/{made['id']}", json={"state": "active"})
    assert (refused.status_code, refused.json()["code"]) == (409, "changes_forgotten")
    again = client.post(f"/v1/webhooks/{made['id']}/redeliver", json={"position": 3})
    assert (again.status_code, again.json()["code"]) == (409, "changes_forgotten")
    edit(client, made, state="active", full_send=True)
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 1)
        put(client, "c", "gold")
        eventually(lambda: len(receiver.changes) == 2)
    assert folded(receiver.changes) == members(client, gold)


def test_a_webhook_that_falls_behind_what_is_kept_is_paused_instead_of_skipping(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: Answered(500)
    put_many(client, 3, "gold")
    installation.catch_up()
    with delivering(installation):
        eventually(lambda: read(client, made)["attempts"] == 1)
        with installation.owner() as owner:
            forget(owner, clock.now() + timedelta(days=1), 100, published_only=False)
        clock.passes(hours=1)
        eventually(lambda: read(client, made)["state"] == "paused")
    assert read(client, made)["reason"] == "changes_forgotten"
    assert receiver.accepted == []
