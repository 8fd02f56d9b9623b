"""The compacted topic of members, and lists joined to changes: consumers have the members that the API shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from consumers import CHANGES_TOPIC as CHANGES
from consumers.change_publisher import PARTITIONS, ChangePublisher
from consumers.members_publisher import MembersPublisher
from consumers.membership_publisher import MembershipPublisher
from domain.errors import Invalid, Unavailable
from domain.formats.fields import parse_change_fields
from projections.model.changes import forget
from projections.postgres.database import Database
from tests.support.installation import Installation
from tests.support.kafka.broker import Broker

TOPIC = "rollcall.members.v1"
PLANS = ["gold", "silver", "bronze", None]
pytestmark = [
    pytest.mark.attributes(plan="text"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def segments(client: Client) -> list[str]:
    raws = [
        [{"attribute": "plan", "operator": "in", "value": each}] for each in (["gold"], ["gold", "silver"], ["bronze"])
    ]
    bodies = [{"name": f"s{n}", "type": "dynamic", "filter": raw} for n, raw in enumerate(raws)]
    return [client.post("/v1/segments", json=body).json()["id"] for body in bodies]


@pytest.fixture
def database(installation: Installation) -> Iterator[Database]:
    opened = Database(installation.url, "rollcall_worker", size=3)
    yield opened
    opened.close()


@contextmanager
def members_publisher(database: Database, broker: Broker) -> Iterator[MembersPublisher]:
    fields = parse_change_fields("attributes.plan", None, "")
    publisher = MembersPublisher(database, broker.cluster, threading.Event(), TOPIC, fields)
    yield publisher
    publisher.close()


def put(client: Client, who: str, plan: str | None) -> None:
    client.put(f"/v1/customers/{who}", json={"attributes": {"plan": plan}}).raise_for_status()


def shown(client: Client, segments: list[str]) -> set[tuple[str, str]]:
    """Who is in which segment, by the API."""
    return {
        (segment, each["id"])
        for segment in segments
        for each in client.get(f"/v1/segments/{segment}/members", params={"limit": 200}).json()["data"]
    }


def compacted(broker: Broker) -> dict[str, Any]:
    """What is left of the topic once it is compacted: the last value of each key."""
    last = {each.key().decode(): each.value() for each in broker.read_all(TOPIC, PARTITIONS)}
    return {key: json.loads(value) for key, value in last.items() if value is not None}


def pairs(records: dict[str, Any]) -> set[tuple[str, str]]:
    found = {(record["segment_id"], record["customer_id"]) for record in records.values()}
    assert {f"{segment}:{customer}" for segment, customer in found} == set(records)
    return found


def test_the_topic_is_filled_and_then_follows_whatever_happens_meanwhile(
    client: Client, segments: list[str], database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.members_publisher.BATCH_SIZE", 2)
    chance = Random(2)
    for n in range(12):
        put(client, f"c{n}", chance.choice(PLANS))
    with members_publisher(database, broker) as publisher:
        for _ in range(8):  # the fill, a step at a time, while members change
            publisher.pass_on()
            put(client, f"c{chance.randrange(12)}", chance.choice(PLANS))
        with pytest.raises(Unavailable):
            publisher_dies(publisher)
        client.delete("/v1/customers/c3").raise_for_status()
        client.patch(f"/v1/segments/{segments[0]}", json={"name": "Renamed"}).raise_for_status()
        publisher.publish_all()
        records = compacted(broker)
        assert pairs(records) == shown(client, segments)
        assert all(each["attributes"]["plan"] and each["external_id"] for each in records.values())
        client.delete(f"/v1/segments/{segments[1]}").raise_for_status()
        client.delete("/v1/customers/c5").raise_for_status()
        publisher.publish_all()
    assert pairs(compacted(broker)) == shown(client, [segments[0], segments[2]])


def publisher_dies(publisher: ChangePublisher) -> None:
    """It publishes, and does not get to store how far."""
    publish = publisher.publish

    def publish_and_die(changes: Any) -> None:
        publish(changes)
        raise Unavailable("killed", "between publishing and moving on")

    publisher.publish = publish_and_die  # type: ignore[method-assign]
    try:
        while publisher.pass_on():
            continue
    finally:
        publisher.publish = publish  # type: ignore[method-assign]


def test_a_list_and_the_records_after_its_number_make_the_members(
    client: Client, segments: list[str], database: Database, broker: Broker
) -> None:
    """What the documents tell a consumer to do: note the end of the topic, read the list, skip what it reflects."""
    publisher = MembershipPublisher(database, broker.cluster, threading.Event())
    chance = Random(5)
    inside: set[tuple[str, str]] = set()
    after: dict[str, int] = {}
    for segment in segments:
        for n in range(6):
            put(client, f"c{n}", chance.choice(PLANS))
        publisher.publish_all()
        listed = client.get(f"/v1/segments/{segment}/members?fields=id", headers={"Accept": "application/x-ndjson"})
        after[segment] = int(listed.headers["Rollcall-Next-After"])
        inside |= {(segment, json.loads(line)["id"]) for line in listed.text.splitlines()[:-1]}
    for n in range(6):
        put(client, f"c{n}", chance.choice(PLANS))
    publisher.publish_all()
    publisher.close()
    for record in broker.read_all(CHANGES, PARTITIONS):
        change = json.loads(record.value())
        if change["number"] > after[change["segment_id"]]:
            pair = change["segment_id"], change["customer_id"]
            joined = dict(record.headers())["ce_type"] == b"rollcall.membership.joined.v1"
            assert (pair in inside) != joined
            inside ^= {pair}
    assert inside == shown(client, segments)


def test_changes_stay_until_the_topic_has_them_and_one_that_lacks_some_is_refused(
    client: Client, segments: list[str], database: Database, broker: Broker, installation: Installation
) -> None:
    put(client, "a", "gold")
    with members_publisher(database, broker) as publisher:
        publisher.publish_all()
        put(client, "a", "silver")
        installation.catch_up()
        tomorrow = installation.now() + timedelta(days=1)
        with installation.worker() as worker:
            while forget(worker.connection, tomorrow, 3, published_only=False, topic=TOPIC):
                continue
            assert publisher.publish_all() > 0
            put(client, "a", "bronze")
            installation.catch_up()
            while forget(worker.connection, tomorrow, 3, published_only=False):
                continue
        with pytest.raises(Invalid, match="name another"):
            publisher.publish_all()


def test_a_topic_that_was_made_anew_is_filled_again(
    client: Client, segments: list[str], database: Database, broker: Broker
) -> None:
    for n in range(3):
        put(client, f"c{n}", "gold")
    with members_publisher(database, broker) as publisher:
        publisher.publish_all()
    broker.delete(TOPIC)
    with members_publisher(database, broker) as publisher:
        publisher.publish_all()
    assert pairs(compacted(broker)) == shown(client, segments)


def test_no_account_of_the_api_sees_how_far_a_topic_is(installation: Installation, account_id: UUID) -> None:
    with (
        installation.database.transaction(account_id) as connection,
        pytest.raises(Exception, match="permission denied"),
    ):
        connection.execute("SELECT * FROM member_topics")
