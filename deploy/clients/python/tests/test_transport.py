"""Repeats, keys, positions, pages, streams and errors, against answers that the test gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from rollcall_client import NotFound, ServerFault, StaleVersion, StreamCutOff, TryLater, Unreachable
from rollcall_client.transport import Transport

Answer = httpx.Response | Exception


class Server:
    """Gives answers in order, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = [*answers]
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def transport(self, patience: float = 60.0) -> Transport:
        http = httpx.Client(base_url="http://rollcall", transport=httpx.MockTransport(self))
        return Transport(http, patience=patience, sleep=self.pauses.append)


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return httpx.Response(status, json={"code": code, "detail": "because", "errors": [], **more}, headers=headers)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_request_is_repeated_after_as_many_seconds_as_the_server_says(status: int) -> None:
    server = Server(problem(status, "later", headers={"Retry-After": "7"}), httpx.Response(200, json={"id": "1"}))
    assert server.transport().call("GET", "/v1/x") == {"id": "1"}
    assert server.pauses == [7.0]


def test_pauses_grow_where_the_server_names_none_and_end_with_patience() -> None:
    server = Server(*[problem(503, "database_unavailable") for _ in range(50)])
    with pytest.raises(TryLater) as refused:
        server.transport(patience=20).call("GET", "/v1/x")
    assert refused.value.code == "database_unavailable"
    assert server.pauses[-1] > server.pauses[0]
    assert sum(server.pauses) <= 20


def test_a_post_has_the_same_idempotency_key_however_often_it_is_sent() -> None:
    server = Server(httpx.ReadError("reset"), problem(503, "later"), httpx.Response(201, json={"id": "1"}))
    server.transport().call("POST", "/v1/x", body={})
    keys = [each.headers["Idempotency-Key"] for each in server.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert json.loads(server.requests[2].content) == {}


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_edit_of_a_version_whose_answer_was_lost_is_not_repeated(method: str) -> None:
    server = Server(httpx.ReadError("reset"))
    with pytest.raises(Unreachable, match=f"{method} /v1/x: reset"):
        server.transport().call(method, "/v1/x", body={}, if_match=3)
    assert server.requests[0].headers["If-Match"] == '"3"'


def test_reads_wait_for_the_last_write() -> None:
    server = Server(
        httpx.Response(200, json={}, headers={"Rollcall-Position": "12"}),
        httpx.Response(200, json={}, headers={"Rollcall-Position": "900"}),
        httpx.Response(204, headers={"Rollcall-Position": "11"}),
        httpx.Response(200, json={}),
    )
    transport = server.transport()
    for method in ("PUT", "GET", "DELETE", "GET"):
        transport.call(method, "/v1/x")
    asked = [each.url.params.get("min_position") for each in server.requests]
    assert asked == [None, "12", None, "12"]


def test_what_is_stored_but_cannot_be_shown_yet_is_read_where_it_will_be() -> None:
    headers = {"Location": "/v1/segments/7", "Rollcall-Position": "12"}
    stored = httpx.Response(202, json={"id": "7", "version": 1}, headers=headers)
    server = Server(stored, problem(504, "projection_lag"), httpx.Response(200, json={"id": "7", "name": "Gold"}))
    assert server.transport().call("POST", "/v1/segments", body={}) == {"id": "7", "name": "Gold"}
    assert server.requests[2].url.path == "/v1/segments/7"
    assert server.requests[2].url.params["min_position"] == "12"


def test_pages_are_read_as_they_are_needed() -> None:
    pages = [{"data": [1, 2], "next_cursor": "a"}, {"data": [3], "next_cursor": None}]
    server = Server(*[httpx.Response(200, json=page) for page in pages])
    items = server.transport().pages("/v1/x", query=None)
    assert next(items) == 1
    assert len(server.requests) == 1
    assert [*items] == [2, 3]
    assert server.requests[1].url.params["cursor"] == "a"
    assert "query" not in server.requests[1].url.params


@pytest.mark.parametrize(
    ("body", "rows", "whole"),
    [
        ('{"a":1}\n{"a":2}\n{"count":2}\n', 2, True),
        ('{"count":0}\n', 0, True),
        ('{"a":1}\n{"a":2}\n', 2, False),
        ('{"a":1}\n{"count":2}\n', 2, False),
        ('{"a":1}\n{"a"', 1, False),
        ("", 0, False),
    ],
)
def test_a_stream_is_whole_where_its_last_line_counts_its_rows(body: str, rows: int, whole: bool) -> None:
    stream = Server(httpx.Response(200, text=body)).transport().stream("/v1/x")
    read, cut = 0, False
    try:
        for _ in stream:
            read += 1
    except StreamCutOff:
        cut = True
    assert (read, cut) == (rows, not whole)


def test_a_stream_that_is_refused_raises_what_it_is_refused_with() -> None:
    with pytest.raises(NotFound):
        next(Server(problem(404, "campaign_not_found")).transport().stream("/v1/x"))


def test_a_stream_that_loses_its_connection_is_cut_off() -> None:
    def lost() -> Iterator[bytes]:
        yield b'{"a":1}\n'
        raise httpx.ReadError("reset")

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return lost()

    with pytest.raises(StreamCutOff, match="after 1 rows: reset"):
        list(Server(httpx.Response(200, stream=Body())).transport().stream("/v1/x"))


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (lambda: problem(404, "segment_not_found"), NotFound, "404 segment_not_found: because"),
        (lambda: problem(412, "stale_version", current_version=4), StaleVersion, "412 stale_version: because"),
        (lambda: httpx.Response(500, headers={"X-Request-Id": "r1"}), ServerFault, "500 unknown: "),
        (lambda: httpx.Response(400, text="<html>"), Exception, "400 unknown: "),
    ],
)
def test_errors_are_of_the_class_of_what_they_mean(
    answer: Callable[[], httpx.Response], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as raised:
        Server(answer()).transport().call("GET", "/v1/x")
    assert str(raised.value) == said
    if isinstance(raised.value, StaleVersion):
        assert raised.value.current_version == 4
    if isinstance(raised.value, ServerFault):
        assert raised.value.request_id == "r1"
