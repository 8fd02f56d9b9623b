"""Every role, PostgreSQL and the broker fail again and again under load: nothing is lost, doubled, or answered 500.

FULL_SIZE=1 in the environment sends 200,000 changes or more, holds each fault for 30 seconds, and has each three times.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

import httpx
import psycopg
import pytest
from confluent_kafka import Producer

from tests.support.embedded_processes import run
from tests.support.full_size import FULL_SIZE
from tests.support.http_client import http_client
from tests.support.running_product import KEY, TOPIC, RunningProduct, eventually, running
from tests.support.trouble.faults import FAULTS, broker_killed

CHANGES, FROZEN, ROUNDS, IN_A_ROUND = (200_000, 30.0, 3, len(FAULTS)) if FULL_SIZE else (6_000, 2.0, 1, 5)
LINES, LOADERS = 100, 2
PAUSE = 0.02  # seconds between two values of the system that sends by Kafka
LATER = {408, 429, 503, 504}


class HttpUpstream(threading.Thread):
    """Sends bulk bodies until each is answered: line n of a body is the n-th customer's next value."""

    def __init__(self, rollcall: RunningProduct, name: str, enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url, self.name, self.enough = rollcall.url, name, enough
        self.answers: Counter[str] = Counter()
        self.values = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with http_client(self.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
                while not (self.enough.is_set() and self.values * LINES * (LOADERS + 1) >= CHANGES):
                    self._send(http, self.values)
                    self.values += 1
        except BaseException as failure:
            self.failure = failure

    def _send(self, http: httpx.Client, value: int) -> None:
        keys = (f"{self.name}-{line}" for line in range(LINES))
        body = "\n".join(json.dumps({"external_id": key, "attributes": {"value": value}}) for key in keys)
        while True:
            try:
                answer = http.post("/v1/customers/bulk", content=body, timeout=60)
            except httpx.TransportError as cut:
                self.answers[type(cut).__name__] += 1
                time.sleep(0.1)  # a client that tries again does not do it at once
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == 200:
                assert answer.json() == {"accepted": LINES, "rejected": []}
                return
            assert answer.status_code in LATER, answer.text
            time.sleep(0.1)


class KafkaUpstream(threading.Thread):
    """Publishes one value after the other for a hundred customers; rests while `resting` is set."""

    def __init__(self, rollcall: RunningProduct, enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self.enough, self.resting, self.rests = enough, threading.Event(), threading.Event()
        self.bootstrap = rollcall.said["Kafka"]
        self.values = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "log_level": 0})
            while not (self.enough.is_set() and self.values * LINES * (LOADERS + 1) >= CHANGES):
                if self.resting.is_set():
                    self.rests.set()
                    time.sleep(0.05)
                    continue
                self.rests.clear()
                for line in range(LINES):
                    self._publish(producer, f"kafka-{line}", self.values)
                assert producer.flush(120) == 0
                self.values += 1
                time.sleep(PAUSE)
            self.rests.set()
        except BaseException as failure:
            self.failure = failure

    def _publish(self, producer: Producer, key: str, value: int) -> None:
        headers = {
            "ce_specversion": "1.0", "ce_type": "rollcall.customer.changed.v1", "ce_source": "crm",
            "ce_id": f"{key}-{value}", "ce_subject": key, "content-type": "application/json",
        }  # fmt: skip
        body = json.dumps({"attributes": {"value": value}}).encode()
        producer.produce(TOPIC, body, key.encode(), headers=list(headers.items()))


def kill_broker_at_rest(rollcall: RunningProduct, upstream: KafkaUpstream) -> None:
    """Kill the broker when it holds nothing that is not ingested: it keeps its records in memory."""
    upstream.resting.set()
    eventually(upstream.rests.is_set, 180)
    eventually(lambda: events_of(rollcall, "kafka-%") == upstream.values * LINES, 180)
    broker_killed(rollcall, threading.Event(), 0)
    upstream.resting.clear()


def events_of(rollcall: RunningProduct, like: str) -> int:
    query = (
        "SELECT count(*) FROM stored_events e JOIN customers c ON c.customer_id = e.originator_id"
        " WHERE e.topic = 'rollcall.customer.changed' AND c.attributes->>'external_id' LIKE %s"
    )
    try:
        ((count,),) = rollcall.rows(query, like)
    except psycopg.OperationalError:
        return -1  # PostgreSQL recovers from the fault before
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_nothing_is_lost_or_doubled_whatever_fails_meanwhile(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = Random(seed)
    stop, enough = threading.Event(), threading.Event()
    with running(tmp_path / "home") as rollcall:
        rollcall.ok("PUT", "/v1/attributes/value", json={"type": "number"})
        everyone = rollcall.create([{"attribute": "value", "operator": "is_set"}])
        by_http = [HttpUpstream(rollcall, f"http{number}", enough) for number in range(LOADERS)]
        by_kafka = KafkaUpstream(rollcall, enough)
        upstreams: list[HttpUpstream | KafkaUpstream] = [*by_http, by_kafka]
        for upstream in upstreams:
            upstream.start()
        began = time.monotonic()
        for _ in range(ROUNDS):
            for name in chance.sample(sorted(FAULTS), IN_A_ROUND):
                FAULTS[name](rollcall, stop, FROZEN)
                time.sleep(chance.uniform(0.5, 2.0))  # some work between two faults
            kill_broker_at_rest(rollcall, by_kafka)
        enough.set()
        for upstream in upstreams:
            upstream.join(1_200)
            assert upstream.failure is None, upstream.failure
        took = time.monotonic() - began
        eventually(lambda: events_of(rollcall, "kafka-%") >= by_kafka.values * LINES, 300)
        eventually(rollcall.is_up_to_date, 300)
        check(rollcall, everyone, {each.name: each.values for each in by_http} | {"kafka": by_kafka.values})
        assert rollcall.rows("SELECT count(*) FROM dead_letters") == [(0,)]
        verified = run(rollcall.home, "verify")
        assert verified.returncode == 0, verified.stdout
    answers = sum((each.answers for each in by_http), Counter[str]())
    sent = (sum(each.values for each in by_http) + by_kafka.values) * LINES
    print(f"{sent} changes in {took:.0f} s, {(IN_A_ROUND + 1) * ROUNDS} faults; answers {dict(answers)}")


def check(rollcall: RunningProduct, everyone: str, values: dict[str, int]) -> None:
    """Each customer's events hold each value once, in order, and the read model the last one."""
    rows = rollcall.rows(
        "SELECT c.attributes->>'external_id', (c.attributes->>'value')::int,"
        " array_agg((convert_from(e.state, 'UTF8')::json#>>'{values,value}')::int ORDER BY e.notification_id)"
        " FROM stored_events e JOIN customers c ON c.customer_id = e.originator_id"
        " WHERE e.topic = 'rollcall.customer.changed' GROUP BY 1, 2"
    )
    assert len(rows) == len(values) * LINES
    for external_id, last, stored in rows:
        sent = values[external_id.rpartition("-")[0]]
        assert stored == list(range(sent)), external_id
        assert last == sent - 1, external_id
    assert sorted(rollcall.members(everyone)) == sorted(row[0] for row in rows)
