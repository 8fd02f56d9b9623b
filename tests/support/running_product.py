"""Rollcall as its users meet it: the real command, HTTP, and a Kafka client that is not ours."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from httpx import Client

from tests.support.embedded_processes import Up, processes_of
from tests.support.http_client import http_client
from tests.support.installation import Installation
from tests.support.oracles import oracle
from tests.support.oracles.random_plans import VALUES

KEY = "a key that these tests have chosen"
TOPIC = "rollcall.customers.v1"
TYPES = {
    "plan": "text", "score": "number", "active": "boolean", "born": "date", "last_order": "datetime", "likes": "list",
}  # fmt: skip
assert set(TYPES) == set(VALUES)


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition answers once it is true; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not in {seconds} s: {condition}"
        time.sleep(0.02)
    return answer


class ApiClient:
    """The HTTP API as a program uses it, with the key of one account."""

    def __init__(self, http: Client) -> None:
        self.http = http

    def ok(self, method: str, path: str, **request: Any) -> Any:
        """The body of an answer, which must be a success."""
        answer = self.http.request(method, path, **request)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def create(self, node: Any, name: str = "A segment") -> str:
        """The id of a new segment with that filter."""
        body = {"name": name, "type": "dynamic", "filter": node}
        return str(self.ok("POST", "/v1/segments", content=as_json(body), headers=JSON)["id"])

    def edit(self, segment: str, node: Any) -> None:
        """Give a segment another filter."""
        self.ok("PATCH", f"/v1/segments/{segment}", content=as_json({"filter": node}), headers=JSON)

    def members(self, segment: str) -> list[str]:
        """The external ids on every page of members."""
        return [row["external_id"] for row in self.pages(f"/v1/segments/{segment}/members")]

    def pages(self, path: str) -> Iterator[Any]:
        """Each row of every page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.ok("GET", path, params={"limit": "200", **cursor})
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}


class RunningProduct(ApiClient):
    """A running `rollcall up` in a home of its own, and the API key of its default account."""

    def __init__(self, home: Path, *arguments: str, **settings: str) -> None:
        self.home = home
        self.up = Up(home, *arguments, ROLLCALL_BOOTSTRAP_API_KEY=KEY, ROLLCALL_BOOTSTRAP_COUNTRY="PT", **settings)
        self.said = self.up.welcome()
        self.url = self.said["API"].removesuffix("/v1")
        super().__init__(http_client(self.url, headers={"Authorization": f"Bearer {KEY}"}))
        self.database_url = json.loads((home / "instance").read_text())["database_url"]
        self._producer: Producer | None = None
        self.published = 0

    @contextmanager
    def in_new_account(self, name: str) -> Iterator[RunningProduct]:
        """The same product with the key of a new account, whose customers and segments are its own."""
        with closing(Installation(self.database_url)) as installation:
            key = installation.key(installation.account(name, timezone="UTC"))
        eventually(self.is_up_to_date)
        same = copy(self)
        with http_client(self.url, headers={"Authorization": f"Bearer {key}"}) as same.http:
            yield same

    def declare(self) -> None:
        """Declare the attributes of `TYPES`."""
        for key, kind in TYPES.items():
            self.ok("PUT", f"/v1/attributes/{key}", json={"type": kind})

    def is_up_to_date(self) -> bool:
        """Returns whether every event is projected and every filter served."""
        unfinished = "SELECT count(*) FROM segments WHERE building IS NOT NULL"
        ((head, position, unserved),) = self.rows(f"SELECT log_head(), position, ({unfinished}) FROM projection")
        return bool(head == position and unserved == 0)

    def rows(self, query: str, *parameters: Any) -> list[Any]:
        """What the database's owner reads."""
        options = "-c search_path=rollcall_model,rollcall -c timezone=UTC"
        with psycopg.connect(self.database_url, options=options) as owner:
            return owner.execute(query, parameters).fetchall()

    # Kafka

    @property
    def producer(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {"bootstrap.servers": self.said["Kafka"], "acks": "all", "linger.ms": 5, "log_level": 0}
            )
        return self._producer

    def send(self, change: oracle.Change, *, structured: bool) -> None:
        value, headers = cloud_event(change, structured=structured)
        self.publish(change.key, value, headers)

    def publish(self, key: str, value: bytes | None, headers: dict[str, str]) -> None:
        self.producer.produce(TOPIC, value, key.encode(), headers=list(headers.items()))
        self.producer.poll(0)
        self.published += 1

    def flush(self) -> None:
        assert self.producer.flush(30) == 0

    def is_all_ingested(self) -> bool:
        """Returns whether ingest has passed every record that was published, by its stored positions."""
        query = "SELECT notification_id FROM notification_tracking WHERE application_name LIKE %s"
        passed: int = sum(offset + 1 for (offset,) in self.rows(query, f"%{TOPIC}%"))
        return passed == self.published

    # Ends

    def kill_role(self, name: str) -> bool:
        """SIGKILL to a role, if it runs just now."""
        for pid, text in processes_of(self.home).items():
            if f"deploy.main {name} " in text:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def close(self) -> None:
        self.http.close()
        if self.up.process.poll() is None:
            self.up.stop()


@contextmanager
def running(home: Path, **settings: str) -> Iterator[RunningProduct]:
    """An installation that is stopped at the end, whatever happened."""
    made = RunningProduct(home, **settings)
    try:
        yield made
    finally:
        made.close()


JSON = {"content-type": "application/json"}


def as_json(value: Any) -> bytes:
    return json.dumps(_exact(value)).encode()


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    return [_exact(each) for each in value] if isinstance(value, list) else value


def cloud_event(change: oracle.Change, *, structured: bool) -> tuple[bytes, dict[str, str]]:
    """Value and headers of a change in one of the two modes."""
    assert change.identity is not None
    source, change_id = change.identity
    kind = "rollcall.customer.deleted.v1" if change.deletes else "rollcall.customer.changed.v1"
    event: dict[str, Any] = {
        "specversion": "1.0", "type": kind, "source": source, "id": change_id, "subject": change.key,
    } | ({} if change.at is None else {"time": change.at.isoformat()})  # fmt: skip
    if structured:
        data = {} if change.deletes else {"datacontenttype": "application/json", "data": change.data}
        return as_json(event | data), {"content-type": "application/cloudevents+json; charset=UTF-8"}
    headers = {f"ce_{name}": value for name, value in event.items()}
    return b"" if change.deletes else as_json(change.data), headers | {"content-type": "application/json"}
