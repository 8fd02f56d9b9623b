"""No request goes where none may go: not by an address, a redirect, or a name that changes."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from httpx import Client

from consumers.webhooks import Sender
from tests.support.installation import Installation
from tests.support.running_product import eventually
from tests.support.webhooks.hooks import hook, log_of, put, segment
from tests.support.webhooks.receiver import LOCAL, Answered, Receiver, delivering

Senders = Callable[..., Sender]


@pytest.fixture
def sender() -> Iterator[Senders]:
    """Makes senders, which end with the test."""
    with ExitStack() as made:
        yield lambda *allowed, **options: made.enter_context(closing(Sender(*allowed, **options)))


@pytest.mark.attributes(plan="text")
def test_a_redirect_is_a_failure_that_says_so_and_is_not_followed(
    installation: Installation, client: Client, receiver: Receiver, other: Receiver
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    receiver.answer = lambda _: Answered(307, (("Location", other.url),))
    with delivering(installation):
        put(client, "a", "gold")
        eventually(lambda: log_of(client, made))
    (failed, *_) = log_of(client, made)
    assert (failed["status"], failed["failure"]) == (307, "redirect")
    assert failed["detail"] == (f"redirects are not followed (307 to {other.url}): give the webhook its final address")
    assert other.requests == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["0.0.0.0"], ["::1"], []],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_with_an_address_that_may_not_be_reached_is_not_connected_to(
    receiver: Receiver, sender: Senders, addresses: list[str], scheme: str
) -> None:
    answer = sender((), resolve_name=lambda *_: addresses).post(f"{scheme}://hooks.example:{receiver.port}/", {}, b"{}")
    assert (answer.status, answer.failure) == (None, "address")
    assert receiver.requests == []


def test_without_tls_only_networks_that_are_allowed_are_reached(receiver: Receiver, sender: Senders) -> None:
    address = f"http://hooks.example:{receiver.port}/"
    public = sender(LOCAL, resolve_name=lambda *_: ["8.8.8.8"])
    assert public.post(address, {}, b"{}").failure == "address"
    allowed = sender(LOCAL, resolve_name=lambda *_: ["127.0.0.1"])
    assert allowed.post(address, {}, b"{}").status == 204
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_a_name_that_changes_after_it_was_checked_changes_nothing(receiver: Receiver, sender: Senders) -> None:
    asked: list[str] = []

    def changing(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    changed = sender(LOCAL, resolve_name=changing)
    address = f"http://hooks.example:{receiver.port}/"
    receiver.answer = lambda _: Answered(200, (("Connection", "close"),))
    assert changed.post(address, {}, b"{}").status == 200
    assert asked == ["hooks.example"]
    assert changed.post(address, {}, b"{}").failure == "address"
    assert len(receiver.requests) == 1


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[int, Path, list[str]]]:
    """A server with a certificate for hooks.example: its port, the certificate, the names that clients asked for."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=x", "-addext", "subjectAltName=DNS:hooks.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the one it replaces
            """Log nothing."""

    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def note(_: Any, name: str, __: Any) -> None:
        names.append(name)

    context.sni_callback = note
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_address[1], certificate, names
    server.shutdown()
    server.server_close()


def test_the_checked_address_is_connected_to_by_the_name_for_tls(
    encrypted: tuple[int, Path, list[str]], sender: Senders
) -> None:
    port, certificate, names = encrypted
    trusting = ssl.create_default_context(cafile=str(certificate))
    knowing = sender(LOCAL, authorities=trusting, resolve_name=lambda *_: ["127.0.0.1"])
    assert knowing.post(f"https://hooks.example:{port}/", {}, b"{}").status == 204
    assert names == ["hooks.example"]
    other_name = knowing.post(f"https://other.example:{port}/", {}, b"{}")
    assert (other_name.failure, "certificate" in str(other_name.detail)) == ("tls", True)
    strict = sender(LOCAL, resolve_name=lambda *_: ["127.0.0.1"])
    assert strict.post(f"https://hooks.example:{port}/", {}, b"{}").failure == "tls"


def test_a_receiver_that_sends_more_than_its_answer_is_asked_by_another_connection(
    receiver: Receiver, sender: Senders
) -> None:
    receiver.answer = lambda _: Answered(204, body=b"a 204 has no body")
    hasty = sender(LOCAL)
    assert [hasty.post(receiver.url, {}, b"{}").status for _ in range(3)] == [204] * 3


@pytest.fixture
def dripping() -> Iterator[int]:
    """The port of a server that sends a byte of its answer every 50 ms."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 16)
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" * 2:
                    connection.send(bytes([byte]))
                    time.sleep(0.05)

        thread = Thread(target=drip, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_an_answer_that_drips_ends_by_the_time_that_a_request_has(dripping: int, sender: Senders) -> None:
    answer = sender(LOCAL, seconds=0.3).post(f"http://127.0.0.1:{dripping}/", {}, b"{}")
    assert (answer.status, answer.failure, answer.detail) == (None, "timeout", "no answer within 0.3 seconds")


def test_of_an_answer_the_beginning_is_kept_and_no_more_is_read(receiver: Receiver, sender: Senders) -> None:
    receiver.answer = lambda _: Answered(500, body=b"\xff" + b"a" * 10_000_000)
    answer = sender(LOCAL).post(receiver.url, {}, b"{}")
    assert (answer.status, answer.beginning) == (500, "�" + "a" * 499)
