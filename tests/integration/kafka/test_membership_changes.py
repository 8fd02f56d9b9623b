"""The change stream: a follower has the members that the API shows, over HTTP and on Kafka."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from consumers import CHANGES_TOPIC as TOPIC
from consumers.change_publisher import PARTITIONS
from consumers.membership_publisher import MembershipPublisher, message_of
from domain.errors import Unavailable
from domain.formats.fields import CHANGE_FIELDS, parse_change_fields
from projections.model.changes import forget as forget_changes
from projections.postgres.database import Database
from projections.read.streams.changes import pass_on
from projections.worker.rebuild import rebuild
from tests.support.installation import Installation
from tests.support.kafka.broker import Broker, eventually

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def plan(*wanted: str) -> list[Any]:
    return [{"attribute": "plan", "operator": "in", "value": list(wanted)}]


@pytest.fixture
def account(installation: Installation) -> UUID:
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    return account


@pytest.fixture
def client(installation: Installation, account: UUID) -> Iterator[Client]:
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        yield client


def put(client: Client, external_id: str, wanted: str | None) -> int:
    answered = client.put(f"/v1/customers/{external_id}", json={"attributes": {"plan": wanted}})
    return int(answered.headers["Rollcall-Position"])


def create(client: Client, *wanted: str) -> str:
    body = {"name": "x", "type": "dynamic", "filter": plan(*wanted)}
    return str(client.post("/v1/segments", json=body).json()["id"])


def follow(client: Client, segment: str, after: int = 0, limit: int = 3) -> tuple[list[Any], int]:
    """Everything after a cursor, a few at a time."""
    found = []
    while True:
        body = client.get(f"/v1/segments/{segment}/changes", params={"after": after, "limit": limit}).json()
        found += body["data"]
        after = body["next_after"]
        if not body["more"]:
            return found, after


def folded(changes: list[Any]) -> set[str]:
    """The members after all changes; fails if a member joins or a non-member leaves."""
    inside: set[str] = set()
    for each in changes:
        assert (each["customer_id"] in inside) == (each["type"] == "left"), each
        inside ^= {each["customer_id"]}
    return inside


def members(client: Client, segment: str) -> set[str]:
    page = client.get(f"/v1/segments/{segment}/members", params={"limit": 200}).json()
    return {each["id"] for each in page["data"]}


def test_a_follower_has_the_members_that_readers_see(client: Client) -> None:
    chance = Random(4)
    segments = [create(client, "gold"), create(client, "gold", "silver")]
    followed: dict[str, list[Any]] = {segment: [] for segment in segments}
    cursors = dict.fromkeys(segments, 0)
    for _ in range(60):
        who = f"c{chance.randrange(8)}"
        match chance.randrange(8):
            case 0:
                client.delete(f"/v1/customers/{who}")
            case 1:
                raw = plan(*chance.sample(["gold", "silver", "bronze"], 2))
                client.patch(f"/v1/segments/{chance.choice(segments)}", json={"filter": raw}).raise_for_status()
            case _:
                put(client, who, chance.choice(["gold", "silver", "bronze", None]))
        for segment in segments:
            new, cursors[segment] = follow(client, segment, cursors[segment])
            followed[segment] += new
    for segment in segments:
        assert folded(followed[segment]) == members(client, segment)
        again = [each | {"external_id": None} for each in follow(client, segment, limit=200)[0]]
        assert [each | {"external_id": None} for each in followed[segment]] == again, "but for customers erased since"
        assert len({each["id"] for each in followed[segment]}) == len(followed[segment]) > 10
        assert {"change", "edit", "deletion"} <= {each["cause"] for each in followed[segment]}
    assert client.get(f"/v1/segments/{segments[0]}/changes", params={"after": -1}).status_code == 422


def test_a_record_names_the_segment_as_of_the_change_and_the_customer_as_of_reading(client: Client) -> None:
    segment = create(client, "gold")
    put(client, "ana", "gold")
    client.patch(f"/v1/segments/{segment}", json={"name": "Renamed"}).raise_for_status()
    put(client, "bia", "gold")
    client.put("/v1/customers/ana", json={"name": "Ana", "phone": "+351912345678"}).raise_for_status()
    asked = {"fields": "name,attributes.plan,tags"}
    first, second = client.get(f"/v1/segments/{segment}/changes", params=asked).json()["data"]
    named = {"external_id": "ana", "name": "Ana", "attributes": {"plan": "gold"}, "tags": []}
    assert first.items() >= (named | {"segment_name": "x", "type": "joined"}).items()
    assert "phone" not in first
    assert (second["segment_name"], second["number"] > first["number"]) == ("Renamed", True)
    client.delete("/v1/customers/ana").raise_for_status()
    *changes, left = client.get(f"/v1/segments/{segment}/changes", params=asked).json()["data"]
    erased = {"external_id": None, "name": None, "attributes": {"plan": None}, "tags": None}
    assert [each["customer_id"] for each in (changes[0], left)] == [first["customer_id"]] * 2
    for each in (changes[0], left):
        assert each.items() >= erased.items(), "an erased customer's values are nowhere, in older changes too"
    wrong = client.get(f"/v1/segments/{segment}/changes", params={"fields": "name,atributes.plan"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_field")
    assert wrong.json()["errors"][0]["pointer"] == "/query/fields"
    assert "did you mean attributes.plan?" in wrong.json()["detail"]


def test_an_edit_changes_the_stream_when_it_is_served_and_a_cancelled_one_never(
    installation: Installation, account: UUID
) -> None:
    key = installation.key(account)
    with installation.projecting(), installation.open_api(key) as client:
        segment = create(client, "gold")
        for n, each in enumerate(["gold", "gold", "silver", "bronze"]):
            last = put(client, f"c{n}", each)
        client.get("/v1/customers", params={"min_position": last}).raise_for_status()
        before, cursor = follow(client, segment)
    with installation.open_api(key, own_write_wait=0.0) as client:
        for wanted in (plan("bronze"), plan("silver")):
            client.patch(f"/v1/segments/{segment}", json={"filter": wanted}).raise_for_status()
            with installation.worker(live=False) as worker:
                worker.drain()
            assert follow(client, segment, cursor) == ([], cursor)
        installation.project()
        new, _ = follow(client, segment, cursor)
        assert sorted((each["type"], each["cause"]) for each in new) == [
            ("joined", "edit"), ("left", "edit"), ("left", "edit")
        ]  # fmt: skip
        assert folded(before + new) == members(client, segment)


def test_a_rebuild_adds_nothing_to_the_stream(installation: Installation, account: UUID) -> None:
    key = installation.key(account)
    with installation.projecting(), installation.open_api(key) as client:
        segment = create(client, "gold")
        put(client, "a", "gold")
        last = put(client, "b", "gold")
        client.get("/v1/customers", params={"min_position": last}).raise_for_status()
        before, cursor = follow(client, segment)
    assert len(before) == 2
    rebuild(installation.url)
    with installation.projecting(), installation.open_api(key) as client:
        assert follow(client, segment) == (before, cursor)
        last = put(client, "a", None)
        client.get("/v1/customers", params={"min_position": last}).raise_for_status()
        assert [each["type"] for each in follow(client, segment, cursor)[0]] == ["left"]


def test_a_rebuild_waits_for_a_lagging_worker_so_that_no_change_is_missing(
    installation: Installation, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far ahead the log is: what a rebuild projects is not in the stream."""
    monkeypatch.setattr("projections.worker.rebuild.CLOSE", 0)
    key = installation.key(account)
    with installation.projecting(), installation.open_api(key) as client:
        segment = create(client, "gold")
    with installation.open_api(key, own_write_wait=0.0) as client:
        for who, wanted in (("a", "gold"), ("b", "gold"), ("a", "silver")):
            put(client, who, wanted)
        rebuild(installation.url)
        installation.project()
        changes, _ = follow(client, segment)
        assert [each["type"] for each in changes] == ["joined", "joined", "left"]
        assert folded(changes) == members(client, segment)


def test_kafka_has_the_same_changes_in_order_and_after_a_crash_with_the_same_ids(
    client: Client, installation: Installation, broker: Broker
) -> None:
    kept, gone = create(client, "gold"), create(client, "gold")
    for n in range(12):
        last = put(client, f"c{n % 5}", "gold" if n % 2 else "silver")
    client.get("/v1/customers", params={"min_position": last}).raise_for_status()
    expected = follow(client, kept)[0] + follow(client, gone)[0]
    client.delete(f"/v1/segments/{gone}").raise_for_status()
    client.delete("/v1/customers/c1").raise_for_status()
    database, stop = Database(installation.url, "rollcall_worker", size=3), threading.Event()
    fields = parse_change_fields("attributes.plan", None, "")
    publisher = MembershipPublisher(database, broker.cluster, stop, fields)
    crashed: list[Any] = []

    def publish_and_die(changes: Any) -> None:
        publisher.publish(changes[:7])
        crashed.extend(message_of(each, fields) for each in changes[:7])
        raise Unavailable("killed", "between publishing and moving on")

    with pytest.raises(Unavailable):
        pass_on(database, 1_000, fields, publish_and_die)
    assert publisher.publish_all() > 7
    running = threading.Thread(target=publisher.run)
    running.start()
    put(client, "c2", "gold")
    last = put(client, "c2", "bronze")
    client.get("/v1/customers", params={"min_position": last}).raise_for_status()
    try:
        with installation.owner() as owner:
            left = "SELECT max(c.change_no) - max(p.change_no) FROM membership_changes c, published_changes p"
            eventually(lambda: owner.execute(left).fetchone() == (0,))
    finally:
        stop.set()
        running.join()
        database.close()
    changes = broker.read_all(TOPIC, PARTITIONS)
    events = [dict(each.headers()) | {"data": json.loads(each.value()), "key": each.key()} for each in changes]
    assert all(each["key"] == each["ce_subject"] == each["data"]["customer_id"].encode() for each in events)
    ids = [each["ce_id"] for each in events]
    assert len(ids) - len(set(ids)) == len(crashed) == 7
    once = list({each["ce_id"]: each for each in events}.values())
    assert {each["id"] for each in expected} <= {each["ce_id"].decode() for each in once}
    inside: set[tuple[str, str]] = set()
    for each in once:
        pair = each["data"]["segment_id"], each["data"]["customer_id"]
        assert (pair in inside) == (each["ce_type"] == b"rollcall.membership.left.v1"), each
        inside ^= {pair}
    assert {customer for segment, customer in inside if segment == kept} == members(client, kept)
    assert not [customer for segment, customer in inside if segment == gone]
    deleted = [each["data"] for each in once if each["data"]["cause"] == "segment_deleted"]
    assert {each["segment_name"] for each in deleted} == {"x"}
    assert {each["external_id"] for each in deleted} <= {f"c{n}" for n in range(5)} | {None}
    assert {each["data"]["attributes"]["plan"] for each in once} <= {"gold", "silver", "bronze", None}


def forget(installation: Installation, *, days: int, published_only: bool = False, chunk: int = 3) -> None:
    """Does what the worker does by and by, as if `days` days had passed."""
    with installation.worker() as worker:
        before = installation.now() + timedelta(days=1 - days)
        while forget_changes(worker.connection, before, chunk, published_only=published_only):
            continue


def test_a_cursor_that_is_too_old_is_refused_and_the_follower_starts_from_the_members(
    client: Client, installation: Installation
) -> None:
    old, quiet = create(client, "gold"), create(client, "silver")
    put(client, "q", "silver")
    _, cursor = follow(client, quiet)
    for n in range(7):
        last = put(client, f"c{n}", "gold")
    client.get("/v1/customers", params={"min_position": last}).raise_for_status()
    seen, _ = follow(client, old)
    _, seen_quiet = follow(client, quiet, cursor)
    assert seen_quiet > cursor, "a cursor advances even if only other segments change"
    forget(installation, days=2)
    assert follow(client, old)[0] == seen, "nothing is old yet"
    forget(installation, days=1)
    young = create(client, "gold", "bronze")
    position = put(client, "late", "gold")
    assert {each["type"] for each in follow(client, young)[0]} == {"joined"}, "a younger segment's stream is complete"
    for after in (0, cursor):
        gone = client.get(f"/v1/segments/{old}/changes", params={"after": after, "min_position": position})
        assert (gone.status_code, gone.json()["code"]) == (410, "changes_forgotten")
        assert gone.json()["errors"][0]["pointer"] == "/query/after"
        assert "members again" in gone.json()["detail"]
    inside = members(client, old)
    put(client, "c1", None)
    last = put(client, "c1", "gold")
    client.get("/v1/customers", params={"min_position": put(client, "c2", "bronze")}).raise_for_status()
    for each in follow(client, old, gone.json()["next_after"])[0]:
        (inside.add if each["type"] == "joined" else inside.discard)(each["customer_id"])
    assert inside == members(client, old)
    assert follow(client, quiet, seen_quiet)[0] == [], "a follower who asked regularly has missed nothing"


def test_no_change_is_removed_before_it_is_published(client: Client, installation: Installation) -> None:
    segment = create(client, "gold")
    for n in range(5):
        last = put(client, f"c{n}", "gold")
    client.get("/v1/customers", params={"min_position": last}).raise_for_status()
    changes = follow(client, segment)[0]
    forget(installation, days=1, published_only=True)
    assert follow(client, segment)[0] == changes
    database = Database(installation.url, "rollcall_worker")
    published: list[Any] = []
    assert pass_on(database, 2, CHANGE_FIELDS, published.extend) == 2
    database.close()
    forget(installation, days=1, published_only=True)
    with installation.owner() as owner:
        left = [number for (number,) in owner.execute("SELECT change_no FROM membership_changes ORDER BY 1")]
    assert left == list(range(published[-1].change_no + 1, published[-1].change_no + 4))
    rest: list[Any] = []
    database = Database(installation.url, "rollcall_worker")
    assert pass_on(database, 1_000, CHANGE_FIELDS, rest.extend) == 3
    database.close()
    assert [str(each.id) for each in published + rest] == [each["id"] for each in changes]
