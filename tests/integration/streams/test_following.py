"""`/v1/changes`: the changes of all segments by page, in one stream, and followed as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from api.http.lists import following
from api.http.shares.limits import LimitFigures, Limits
from domain.segment import SegmentDraft
from projections.model.changes import forget
from projections.worker.rebuild import rebuild
from tests.support.installation import Installation
from tests.support.running_product import eventually

PLANS = ["gold", "silver", "bronze"]
EVENTS = {"Accept": "text/event-stream"}
pytestmark = pytest.mark.attributes(plan="text")


@pytest.fixture
def segments(client: Client) -> list[str]:
    """Three segments, of which two overlap."""
    drafts = [["gold"], ["gold", "silver"], ["bronze"]]
    raws = [[{"attribute": "plan", "operator": "in", "value": wanted}] for wanted in drafts]
    bodies = [{"name": f"s{n}", "type": "dynamic", "filter": raw} for n, raw in enumerate(raws)]
    return [client.post("/v1/segments", json=body).json()["id"] for body in bodies]


def put(client: Client, who: str, plan: str | None) -> None:
    client.put(f"/v1/customers/{who}", json={"attributes": {"plan": plan}}).raise_for_status()


def follows(client: Client) -> bool:
    with client.stream("GET", "/v1/changes", headers=EVENTS) as answered:
        return answered.status_code == 200


def pages(client: Client, after: int = 0, limit: int = 3) -> tuple[list[Any], int]:
    found, more = [], True
    while more:
        body = client.get("/v1/changes", params={"after": after, "limit": limit}).json()
        found += body["data"]
        after, more = body["next_after"], body["more"]
    return found, after


class Events:
    """A follower as a browser is one: it knows the id of the last event, and comes back with it."""

    def __init__(self, client: Client, after: int | None = None, **params: Any) -> None:
        self.client, self.params, self.last = client, params, after
        self.records: list[Any] = []
        self.comments: list[str] = []

    @contextmanager
    def following(self) -> Iterator[Iterator[str]]:
        last = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        with self.client.stream("GET", "/v1/changes", params=self.params, headers=EVENTS | last) as answered:
            assert answered.status_code == 200, answered.read()
            assert answered.headers["content-type"].startswith("text/event-stream")
            yield answered.iter_lines()

    def take(self, lines: Iterator[str], most: int | None = None) -> None:
        """Read so many records, or to the end."""
        had = len(self.records)
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    self.last = int(value)
                case "data":
                    self.records.append(json.loads(value))
                    assert self.records[-1]["number"] == self.last
                    if len(self.records) - had == most:
                        return
                case "":
                    self.comments.append(value)


def test_changes_of_all_segments_are_those_of_each_in_the_order_of_their_numbers(
    client: Client, segments: list[str]
) -> None:
    chance = Random(7)
    for _ in range(25):
        put(client, f"c{chance.randrange(9)}", chance.choice([*PLANS, None]))
    lines = [json.dumps({"external_id": f"b{n}", "attributes": {"plan": PLANS[n % 3]}}) for n in range(30)]
    client.post("/v1/customers/bulk", content="\n".join(lines)).raise_for_status()
    found, last = pages(client)
    numbers = [each["number"] for each in found]
    assert numbers == sorted(set(numbers))
    of_each = [client.get(f"/v1/segments/{each}/changes", params={"limit": 200}).json() for each in segments]
    assert sorted(found, key=lambda each: each["id"]) == sorted(
        (each for body in of_each for each in body["data"]), key=lambda each: each["id"]
    )
    assert {body["next_after"] for body in of_each} == {last}
    for limit in (1, 7, 200):
        assert pages(client, limit=limit)[0] == found
    *streamed, closing = client.get("/v1/changes", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line) for line in streamed] == found
    assert json.loads(closing) == {"count": len(found)}
    middle = numbers[len(numbers) // 2]
    assert [each["number"] for each in pages(client, middle)[0]] == numbers[len(numbers) // 2 + 1 :]


def test_a_follower_that_is_cut_off_again_and_again_sees_every_change_once(client: Client, segments: list[str]) -> None:
    chance = Random(3)
    follower = Events(client, fields="attributes.plan")
    for _ in range(4):
        with follower.following() as lines:
            had = follower.last or 0
            for _ in range(5):
                put(client, f"c{chance.randrange(5)}", chance.choice(PLANS))
            missing = len([each for each in pages(client)[0] if each["number"] > had])
            follower.take(lines, chance.randrange(1, missing + 1) if missing else 0)
    with follower.following() as lines:
        follower.take(lines, len(pages(client)[0]) - len(follower.records))
    assert [each["id"] for each in follower.records] == [each["id"] for each in pages(client)[0]]
    assert {each["attributes"]["plan"] for each in follower.records} <= set(PLANS)


def test_a_rebuild_neither_loses_nor_repeats_a_change(installation: Installation, key: str, account_id: UUID) -> None:
    segment = SegmentDraft("s", "", "dynamic", [{"attribute": "plan", "operator": "equals", "value": "gold"}])
    installation.rollcall.segments.create(account_id, segment)
    with installation.open_api(key) as client:
        with installation.projecting():
            put(client, "a", "gold")
            put(client, "b", "gold")
        found, cursor = pages(client)
        assert len(found) == 2
        with Events(client, cursor).following() as lines:
            rebuild(installation.url)
            with installation.projecting():
                put(client, "a", None)
                follower = Events(client)
                follower.take(lines, 1)
        assert [each["type"] for each in follower.records] == ["left"]
        assert pages(client)[0] == found + follower.records


def test_a_revoked_key_ends_the_stream_and_so_does_the_end_of_the_server(
    installation: Installation, client: Client, account_id: UUID, segments: list[str]
) -> None:
    made = client.post("/v1/keys", json={"name": "f", "kind": "read"}).json()
    services = installation.context()
    with installation.open_api(made["key"]) as reader:
        follower = Events(reader, 0)
        with follower.following() as lines:
            put(client, "a", "gold")
            follower.take(lines, 2)
            client.delete(f"/v1/keys/{made['id']}").raise_for_status()
            put(client, "b", "gold")
            follower.take(lines)
    assert len(follower.records) == 2, "nothing is shown to a key that was revoked"
    assert follower.comments[-1] == "the key was revoked"
    with installation.open_api(
        client.headers["Authorization"].removeprefix("Bearer "), stopping=services.stopping
    ) as own:
        follower = Events(own, follower.last)
        with follower.following() as lines:
            follower.take(lines, 2)
            services.stopping.set()
            follower.take(lines)
    assert follower.comments == ["the server ends; come back"]


def test_a_quiet_stream_is_alive_and_moves_its_cursor_past_the_changes_of_others(
    installation: Installation, client: Client, segments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 0.0)
    other = installation.account("other")
    follower = Events(client, 0)
    with installation.open_api(installation.key(other)) as others, Events(others).following() as lines:
        put(client, "a", "gold")
        watcher = Events(others)
        for line in lines:
            if line == ": heartbeat" and next(lines).startswith("id: "):
                break
        assert watcher.records == [], "an account never sees another's changes"
    with follower.following() as lines:
        follower.take(lines, 2)


def test_followers_are_counted_as_streams(installation: Installation, key: str, segments: list[str]) -> None:
    with installation.open_api(key, limits=Limits(LimitFigures(streams=1))) as client:
        with Events(client).following():
            refused = client.get("/v1/changes", headers=EVENTS)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        # The server finds out only in a while that a follower has gone.
        eventually(lambda: follows(client))


def test_a_cursor_that_is_too_old_or_of_no_change_is_refused_with_where_to_start(
    installation: Installation, client: Client, segments: list[str]
) -> None:
    for n in range(5):
        put(client, f"c{n}", "gold")
    _, last = pages(client)
    installation.catch_up()
    with installation.worker() as worker:
        while forget(worker.connection, installation.now() + timedelta(days=1), 3, published_only=False):
            continue
    for path in ("/v1/changes", f"/v1/segments/{segments[0]}/changes"):
        for after, code in ((0, "changes_forgotten"), (last + 1_000, "changes_unknown")):
            for headers in ({}, {"Accept": "application/x-ndjson"}, EVENTS if path == "/v1/changes" else {}):
                gone = client.get(path, params={"after": after}, headers=headers)
                assert (gone.status_code, gone.json()["code"]) == (410, code), (path, headers)
                assert gone.json()["next_after"] == last
                assert f"after={last}" in gone.json()["detail"]
    assert pages(client, last) == ([], last)
    young = installation.account("young")
    with installation.open_api(installation.key(young)) as later:
        assert pages(later) == ([], last), "an account that began later has all of its changes"
    assert client.get("/v1/changes", headers=EVENTS | {"Last-Event-ID": "x"}).status_code == 422
