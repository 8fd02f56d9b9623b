"""How requests are sent: with the key, repeated while the server says "later", and errors raised as what they are.

A POST carries an `Idempotency-Key`, so that it does its work once however often it is sent. Reads wait until they
include the last write that was made through the same transport, by the positions that the server answers with.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from rollcall_client.errors import StreamCutOff, Unreachable, problem_of

LATER = frozenset({408, 429, 502, 503, 504})
# What may be sent again although it is not known what became of it: it has the same effect twice as once.
REPEATABLE = frozenset({"GET", "PUT", "POST"})
POSITION = "Rollcall-Position"
PAGE = 200
# Seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0


class Transport:
    """One server, one key. Not for several threads at once: the position of the last write is kept in it."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.http = http
        self.patience = patience
        self.sleep = sleep
        self.position = 0

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        if_match: int | None = None,
        idempotency_key: str | None = None,
        **sent: Any,
    ) -> Any:
        """Send a request; returns its JSON answer, `None` where it has none. Raises `Problem`, `Unreachable`."""
        headers = dict(sent.pop("headers", {}))
        if method == "POST":
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        if body is not None:
            sent["json"] = body
        response = self._repeated(method, path, params=self._asked(method, params), headers=headers, **sent)
        if method != "GET":
            self.position = max(self.position, int(response.headers.get(POSITION, 0)))
        answer = response.json() if response.content else None
        if response.status_code == 202 and answer is not None and answer.keys() == {"id", "version"}:
            # Stored, but it cannot be shown yet.
            return self.call("GET", response.headers["Location"])
        return answer

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """Every item of a list, page by page as they are read."""
        cursor: str | None = None
        while True:
            page = self.call("GET", path, params={"limit": PAGE, **params, "cursor": cursor})
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def stream(self, path: str, **params: Any) -> Iterator[Any]:
        """Every row of a list, from one snapshot. Raises `StreamCutOff` where the last line did not arrive."""
        rows = 0
        with self._open(path, self._asked("GET", params)) as response:
            try:
                for line in response.iter_lines():
                    row = json.loads(line)
                    if row == {"count": rows}:
                        return
                    rows += 1
                    yield row
            except (httpx.TransportError, ValueError) as lost:
                raise StreamCutOff(f"the stream ended after {rows} rows: {lost}") from lost
        raise StreamCutOff(f"the stream ended after {rows} rows, without the line that counts them")

    def _asked(self, method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
        given = {name: each for name, each in (params or {}).items() if each is not None}
        if method == "GET" and self.position:
            given.setdefault("min_position", self.position)
        return given

    @contextmanager
    def _open(self, path: str, params: Mapping[str, Any]) -> Iterator[httpx.Response]:
        headers = {"Accept": "application/x-ndjson"}
        response = self._repeated("GET", path, stream=True, params=params, headers=headers)
        try:
            yield response
        finally:
            response.close()

    def _repeated(self, method: str, path: str, *, stream: bool = False, **sent: Any) -> httpx.Response:
        """Send a request until it is answered otherwise than "later", or patience ends."""
        waited, attempt = 0.0, 0
        while True:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            attempt += 1
            try:
                response = self.http.send(self.http.build_request(method, path, **sent), stream=stream)
            except httpx.TransportError as lost:
                repeatable = method in REPEATABLE and "If-Match" not in sent["headers"]
                if not repeatable or waited + pause > self.patience:
                    raise Unreachable(f"{method} {path}: {str(lost) or type(lost).__name__}") from lost
            else:
                if response.is_success:
                    return response
                response.read()
                pause = max(pause, _seconds(response.headers.get("Retry-After")))
                if response.status_code not in LATER or waited + pause > self.patience:
                    raise problem_of(response.status_code, _json(response), response.headers.get("X-Request-Id"))
            self.sleep(pause)
            waited += pause


def part(text: str) -> str:
    """A value as one part of a path."""
    return quote(text, safe="")


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 0.0


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None
