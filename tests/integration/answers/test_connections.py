"""Connections end: requests that do not come, bodies that stop, answers that are not taken, more than there may be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from deploy.roles.http_connection import ConnectionLimits, connections_within_files, limited_protocol

LIMITS = ConnectionLimits(most=4, header_seconds=1, body_seconds=1, answer_seconds=2)
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
IN_TIME = 8.0  # seconds in which a limit of one or two takes effect, on a busy machine too


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Reads the whole body, then answers with 8 MB at /large and with its number of bytes elsewhere."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = b"x" * (8 << 20) if scope["path"] == "/large" else str(size).encode()
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(application, port=0, log_config=None, lifespan="off", http=limited_protocol(LIMITS))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield int(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join(30)


@contextmanager
def connected(port: int, sent: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), IN_TIME) as connection:
        connection.sendall(sent)
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What arrives until the peer hangs up."""
    received = b""
    try:
        while piece := connection.recv(1 << 20):
            received += piece
    except ConnectionResetError:
        pass
    return received


def is_answered(port: int) -> bool:
    with connected(port, WHOLE) as connection:
        return connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n", BODY])
def test_a_request_that_is_not_sent_to_its_end_is_answered_408_and_closed(port: int, sent: bytes) -> None:
    with connected(port, sent) as connection:
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b'"request_timeout"' in answer


def test_a_connection_without_any_request_is_closed(port: int) -> None:
    with connected(port) as connection:
        assert everything(connection) == b""


def test_a_second_request_that_is_not_sent_to_its_end_is_ended_too(port: int) -> None:
    with connected(port, WHOLE) as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HT")
        assert everything(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", BODY.replace(b"100", b"100000")])
def test_a_request_that_trickles_is_ended(port: int, start: bytes) -> None:
    with connected(port, start) as connection:
        deadline = time.monotonic() + IN_TIME
        connection.settimeout(0.2)
        while True:
            assert time.monotonic() < deadline
            try:
                connection.sendall(b"x")
                answer = connection.recv(1_000)
            except TimeoutError:
                continue
            break
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_keeps_coming_may_take_longer_than_a_pause(port: int) -> None:
    pieces = 8
    head = BODY.replace(b"100", str(pieces * 1_000).encode()).removesuffix(b"half")
    with connected(port, head) as connection:
        for _ in range(pieces):
            connection.sendall(b"x" * 1_000)
            time.sleep(0.25)  # a slow client, by intention
        assert str(pieces * 1_000).encode() in connection.recv(1_000)


def test_an_answer_that_no_client_takes_is_thrown_away(port: int) -> None:
    with connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        while connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            assert time.monotonic() - began < IN_TIME
            time.sleep(0.05)


def test_unfinished_requests_give_way_to_whole_ones(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), IN_TIME) for _ in range(LIMITS.most)]
    try:
        for each in held:
            each.sendall(b"GET / HTTP/1.1\r\n")
        assert [is_answered(port) for _ in range(3)] == [True] * 3
    finally:
        for each in held:
            each.close()


def test_connections_fit_into_the_files_that_may_be_open() -> None:
    assert 16 <= connections_within_files(100) <= 100
