"""Three `rollcall ingest` in a group on Apache Kafka with TLS and a login, killed with -9 and started again under load.

`project` and `publish` run beside them. At the end customers, members, dead letters and messages on Kafka are exact.
FULL_SIZE=1 in the environment does it for a minute.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers import CHANGES_TOPIC as MEMBERSHIPS
from consumers.change_publisher import PARTITIONS
from consumers.kafka import ensure_topics
from domain.segment import SegmentDraft
from tests.support.embedded_processes import ROLLCALL, environment, run
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.kafka.apache import PASSWORD, USER, ApacheKafka
from tests.support.kafka.broker import BrokerClient
from tests.support.postgres import address_of
from tests.support.running_product import eventually

MEMBERS, CUSTOMERS = 3, 400
SECONDS, PAUSE, RATE = (60, 3.0, 400) if FULL_SIZE else (5, 2.0, 200)
SEED = 20261129
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


class Group:
    """The members of the group, and the two roles beside them."""

    def __init__(self, settings: dict[str, str], home: Path) -> None:
        self._environment = environment(home, settings)
        self._beside = [self._start(role) for role in ("project", "publish")]
        self.members = [self._start("ingest") for _ in range(MEMBERS)]
        self.kills = 0

    def replace(self, place: int) -> None:
        """Kill a member, and start another one."""
        assert self.members[place].poll() is None, "it ended by itself"
        self.members[place].kill()
        self.members[place].wait()
        self.members[place] = self._start("ingest")
        self.kills += 1

    def close(self) -> None:
        """Ask all to stop; each ends by itself, without a fault."""
        running = [*self.members, *self._beside]
        for each in running:
            each.terminate()
        codes = []
        for each in running:
            with suppress(subprocess.TimeoutExpired):
                each.wait(30)
            codes.append(each.poll())
            each.kill()
            each.wait()
        assert codes == [0] * len(running)

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [ROLLCALL, role], env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


class Load:
    """Changes that are sent at a rate, one in a hundred of them unreadable, and what they must come to."""

    def __init__(self, client: BrokerClient, topic: str) -> None:
        self._client, self._topic = client, topic
        self._dice = random.Random(SEED)
        self.plans: dict[str, str] = {}
        self.sent = self.bad = 0

    def send(self, count: int) -> None:
        """Send so many records."""
        for _ in range(count):
            who, plan = f"c{self._dice.randrange(CUSTOMERS)}", self._dice.choice(["gold", "silver"])
            names = {
                "specversion": "1.0", "id": str(self.sent), "source": "/crm", "type": "rollcall.customer.changed.v1",
            }  # fmt: skip
            headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in names.items()]
            if self._dice.random() < 0.01:
                self._client.send(self._topic, b"{", who.encode(), headers)
                self.bad += 1
            else:
                value = json.dumps({"attributes": {"plan": plan}}).encode()
                self._client.send(self._topic, value, who.encode(), headers)
                self.plans[who] = plan
            self.sent += 1
        self._client.flush()


@pytest.fixture
def topic(apache_kafka: ApacheKafka) -> str:
    name = f"group.{uuid4().hex}"
    ensure_topics(apache_kafka.plain_client().cluster, {name: 12, f"{name}.dlt": 1})
    return name


@pytest.fixture
def group(apache_kafka: ApacheKafka, topic: str, installation: Installation, tmp_path: Path) -> Iterator[Group]:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    cluster = apache_kafka.secured_client().cluster
    running = Group(
        {
            "ROLLCALL_DATABASE_URL": address_of(installation.url),
            "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
            "ROLLCALL_KAFKA_SECURITY_PROTOCOL": cluster.protocol,
            "ROLLCALL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "ROLLCALL_KAFKA_SASL_USERNAME": USER,
            "ROLLCALL_KAFKA_SASL_PASSWORD_FILE": str(secret),
            "ROLLCALL_KAFKA_SSL_CAFILE": str(apache_kafka.authority.path),
            "ROLLCALL_KAFKA_TOPICS": f"{topic}={topic}",
            "ROLLCALL_KAFKA_GROUP": topic,
        },
        tmp_path,
    )
    try:
        yield running
    finally:
        running.close()


def members(installation: Installation, account: UUID, segment: UUID) -> set[str]:
    """The members of a segment, as the API shows them page by page."""
    with installation.open_api(installation.key(account), own_write_wait=0.0) as api:
        found: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = api.get(f"/v1/segments/{segment}/members", params=asked)
            found |= {each["external_id"] for each in page.raise_for_status().json()["data"]}
            cursor = page.json()["next_cursor"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_members_of_a_group_are_killed_and_started_and_everything_is_exact(
    apache_kafka: ApacheKafka, topic: str, installation: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    account = installation.account(topic)
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    segment = installation.rollcall.segments.create(account, SegmentDraft("Gold", "", "dynamic", GOLD)).id
    installation.project()
    group: Group = request.getfixturevalue("group")
    client = apache_kafka.secured_client()
    load = Load(client, topic)
    began = time.monotonic()
    killed = began + PAUSE
    while (now := time.monotonic()) < began + SECONDS:
        if now > killed:
            group.replace(group.kills % MEMBERS)
            killed = now + PAUSE
        load.send(int((now - began) * RATE) - load.sent)
        time.sleep(0.05)

    def one(query: str) -> Any:
        with installation.owner() as owner:
            return (owner.execute(query.encode()).fetchone() or (None,))[0]

    counted = f"SELECT coalesce(sum(count), 0) FROM received_counts WHERE name = '{topic}'"
    eventually(lambda: one(counted) == load.sent, 90)
    eventually(lambda: one("SELECT log_head() = position FROM projection"), 30)
    eventually(lambda: one("SELECT count(*) FROM dead_letters WHERE published_at IS NULL") == 0, 30)
    left = "SELECT max(c.change_no) - max(p.change_no) FROM membership_changes c, published_changes p"
    eventually(lambda: one(left) == 0, 30)
    assert group.kills >= SECONDS // PAUSE - 1
    assert one("SELECT sum(notification_id + 1) FROM notification_tracking") == load.sent
    assert one(f"{counted} AND result = 'invalid'") == one("SELECT count(*) FROM dead_letters") == load.bad

    golden = {who for who, plan in load.plans.items() if plan == "gold"}
    assert members(installation, account, segment) == golden
    letters = [
        tuple(text for name, text in letter.headers() or () if name.startswith("dlt-original-"))
        for letter in client.read_all(f"{topic}.dlt")
    ]
    # One that was published by a process that was killed before it could mark it is there twice.
    assert len(set(letters)) == load.bad
    inside: set[bytes] = set()
    seen: set[bytes] = set()
    for message in client.read_all(MEMBERSHIPS, PARTITIONS):
        headers = dict(message.headers())
        if headers["ce_source"] == f"/accounts/{account}".encode() and headers["ce_id"] not in seen:
            seen.add(headers["ce_id"])
            assert (message.key() in inside) == headers["ce_type"].startswith(b"rollcall.membership.left")
            inside ^= {message.key()}
    assert len(inside) == len(golden)
    verified = run(tmp_path, "verify", ROLLCALL_DATABASE_URL=address_of(installation.url))
    assert (verified.returncode, verified.stdout.strip()) == (0, "No difference."), verified.stdout
