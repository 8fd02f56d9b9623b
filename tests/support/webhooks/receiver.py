"""A receiver of webhooks on this machine, and the process that delivers, in a thread beside a test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook

from consumers.webhooks import Deliverer, Sender, Turns
from projections.postgres.database import Database
from tests.support.clock import machine_now
from tests.support.installation import Installation

LOCAL = ("127.0.0.0/8",)


class Received(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def changes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.message["data"].get("changes", [])
        return found

    def is_signed_with(self, secret: str) -> bool:
        """Whether the reference library accepts it."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except Exception:
            return False
        return True


class Answered(NamedTuple):
    """What a receiver answers."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Receiver:
    """Records every request; `answer` decides, in the thread of the request, what it is answered."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.accepted: list[Received] = []
        self.answer: Callable[[Received], Answered] = lambda _: Answered()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.requests.append(received)
                answered = receiver.answer(received)
                if 200 <= answered.status < 300:
                    receiver.accepted.append(received)
                self.send_response(answered.status)
                for name, value in answered.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answered.body)))
                self.end_headers()
                self.wfile.write(answered.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the one it replaces
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Every change in the messages that were accepted, in their order."""
        return [each for received in self.accepted for each in received.changes]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def delivering(
    installation: Installation, *, seconds: float = 5.0, places: int = 8, patience: timedelta = timedelta(days=5)
) -> Iterator[None]:
    """What the role `deliver` does, beside the test; an error in it fails the test."""
    database = Database(installation.url, "rollcall_worker", size=4)
    stop = threading.Event()
    turns = Turns(
        database=database,
        webhooks=installation.rollcall.webhooks,
        sender=Sender(LOCAL, seconds=seconds),
        now=installation.now,
        sent_at=machine_now,
        patience=patience,
        user_agent="Rollcall/0",
        stop=stop,
    )
    failures: list[BaseException] = []

    def work() -> None:
        try:
            Deliverer(turns, places).run()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=work, name="deliver", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        database.close()
    if failures:
        raise failures[0]
