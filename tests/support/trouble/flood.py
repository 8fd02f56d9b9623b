"""A crowd of clients of one account, in a process of its own: `python -m tests.support.trouble.flood`.

Reads one JSON object from standard input: `url`, `key`, `segments` (to edit), `campaign` (to stream) and how many of
each kind of client. Floods until standard input ends, then prints one JSON object: how often each kind was answered
with each status, what the 429s lacked, and how many streams were cut.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import count
from typing import Any
from urllib.parse import urlsplit

LIMIT_HEADERS = ("Retry-After", "RateLimit", "RateLimit-Policy")


class Flood:
    """The clients, and what they saw."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.address = urlsplit(asked["url"]).netloc
        self.stop = threading.Event()
        self.answers: Counter[str] = Counter()
        self.without_headers: Counter[str] = Counter()
        self.lock = threading.Lock()

    def run(self) -> dict[str, Any]:
        kinds: dict[str, Callable[[int], None]] = {
            "streamers": self.stream,
            "waiters": self.wait,
            "searchers": self.search,
            "editors": self.edit,
            "bulks": self.bulk,
            "previewers": self.preview,
        }
        threads = [
            threading.Thread(target=self.again, args=(kind, work, number), daemon=True)
            for kind, work in kinds.items()
            for number in range(self.asked.get(kind, 0))
        ]
        streamers = self.asked.get("streamers", 0)
        for thread in threads[:streamers]:
            thread.start()
        # The others would take every turn of the account, and no stream would begin.
        while self.answers.total() < streamers:
            time.sleep(0.02)
        for thread in threads[streamers:]:
            thread.start()
        sys.stdin.read()
        self.stop.set()
        for thread in threads:
            thread.join(20)
        return {"answers": self.answers, "without_headers": self.without_headers}

    def again(self, kind: str, work: Callable[[int], None], number: int) -> None:
        while not self.stop.is_set():
            try:
                work(number)
            except (OSError, HTTPException) as cut:
                self.note(kind, type(cut).__name__)

    def note(self, kind: str, result: str) -> None:
        with self.lock:
            self.answers[f"{kind} {result}"] += 1

    def ask(self, kind: str, number: int, method: str, path: str, body: bytes | None = None, **headers: str) -> None:
        client = HTTPConnection(self.address, timeout=60)
        try:
            while not self.stop.is_set():
                key = {"Authorization": f"Bearer {self.asked['key']}", **headers}
                client.request(method, path.format(number=time.monotonic_ns()), body, key)
                answer = client.getresponse()
                answer.read()
                self.judge(kind, answer)
                if kind == "editors":
                    body = json.dumps({"filter": filter_of(number, time.monotonic_ns())}).encode()
        finally:
            client.close()

    def judge(self, kind: str, answer: HTTPResponse) -> None:
        self.note(kind, str(answer.status))
        if answer.status == 429 and any(answer.headers[name] is None for name in LIMIT_HEADERS):
            with self.lock:
                self.without_headers[kind] += 1

    def wait(self, number: int) -> None:
        self.ask("waiters", number, "GET", f"/v1/segments?min_position={self.asked['far']}")

    def search(self, number: int) -> None:
        self.ask("searchers", number, "GET", "/v1/customers?query=a&include=total&limit=200")

    def edit(self, number: int) -> None:
        body = json.dumps({"filter": filter_of(number, 0)}).encode()
        segment = self.asked["segments"][number % len(self.asked["segments"])]
        self.ask("editors", number, "PATCH", f"/v1/segments/{segment}", body, **{"Content-Type": "application/json"})

    def preview(self, number: int) -> None:
        """Counts every customer whose name has one of a hundred words that none has."""
        conditions = [{"attribute": "name", "operator": "contains", "value": f"z{n} {number}"} for n in range(99)]
        body = json.dumps({"filter": {"any": conditions}}).encode()
        self.ask("previewers", number, "POST", "/v1/segments/preview", body, **{"Content-Type": "application/json"})

    def bulk(self, number: int) -> None:
        names = (f"bulk-{number}-{line % 20_000}" for line in count())
        lines = (json.dumps({"external_id": next(names), "name": f"Al {n}", "attributes": {"plan": f"p{n % 7}"}})
                 for n in range(self.asked["bulk_lines"]))  # fmt: skip
        body = "\n".join(lines).encode()
        self.ask("bulks", number, "POST", "/v1/customers/bulk", body, **{"Content-Type": "application/x-ndjson"})

    def stream(self, number: int) -> None:
        """Asks for a stream and reads nothing until the server hangs up."""
        host, _, port = self.address.partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            path = f"/v1/campaigns/{self.asked['campaign']}/recipients"
            head = [f"GET {path} HTTP/1.1", "Host: x", "Accept: text/csv", f"Authorization: Bearer {self.asked['key']}"]
            client.sendall("\r\n".join([*head, "", ""]).encode())
            status = client.recv(12).decode()
            self.note("streamers", status.rpartition(" ")[2])
            ended = select.poll()
            ended.register(client, 0)  # what arrives is no news, only the end of the connection
            while status.endswith("200") and not self.stop.is_set():
                if ended.poll(200):
                    self.note("streamers", "ended")
                    return
        self.stop.wait(0.2)


def filter_of(number: int, salt: int) -> list[dict[str, Any]]:
    return [{"attribute": "plan", "operator": "in", "value": [f"p{salt % 7}", f"p{number % 7}", f"x{salt}"]}]


if __name__ == "__main__":
    print(json.dumps(Flood(json.loads(sys.stdin.readline())).run()))
