"""A schema registry: a small HTTP server that speaks the documented part of Confluent's API that readers use.

Also what frames a value, and a server that gives tokens, since both are servers that an operator names.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "registry", "open sesame"


def framed(number: int, content: bytes) -> bytes:
    """A value in the framing of a registry."""
    return b"\x00" + number.to_bytes(4, "big") + content


class Registry:
    """What the server holds; each request is in `asked`. `status` and `login` make it answer otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.status: int | None = None
        self.login = False
        self.token: Mapping[str, Any] = {}
        self.form: Mapping[str, Sequence[str]] = {}
        self._schemas: dict[int, dict[str, Any]] = {}
        self._versions: dict[tuple[str, int], dict[str, Any]] = {}

    def avro(self, number: int, schema: Any, subject: str = "s", references: Sequence[tuple[str, str]] = ()) -> None:
        self._add(number, subject, {"schema": json.dumps(schema)}, references)

    def protobuf(self, number: int, descriptor: bytes, subject: str = "s", references: Any = ()) -> None:
        text = {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF", "serialized": b64encode(descriptor).decode()}
        self._add(number, subject, text, references)

    def other(self, number: int, kind: str, schema: str) -> None:
        self._add(number, "s", {"schema": schema, "schemaType": kind}, ())

    def _add(self, number: int, subject: str, schema: dict[str, Any], references: Sequence[tuple[str, str]]) -> None:
        refers = [{"name": name, "subject": of, "version": 1} for name, of in references]
        self._schemas[number] = self._versions[subject, 1] = schema | ({"references": refers} if refers else {})

    def answer(self, path: str, authorization: str | None) -> tuple[int, Any]:
        self.asked.append(path)
        expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.login and authorization != expected:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.status is not None:
            return self.status, {"error_code": self.status, "message": "as the test wants it"}
        parts = urlsplit(path)
        match [unquote(part) for part in parts.path.strip("/").split("/")]:
            case ["token"]:
                return 200, self.token
            case ["schemas", "ids", number]:
                found, code = self._schemas.get(int(number)), 40_403
            case ["subjects", subject, "versions", version]:
                found, code = self._versions.get((subject, int(version))), 40_401
            case _:
                return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        if found is None:
            return 404, {"error_code": code, "message": "not found"}
        serialized = parse_qs(parts.query).get("format") == ["serialized"]
        text = found["serialized"] if serialized and "serialized" in found else found["schema"]
        return 200, {name: value for name, value in found.items() if name != "serialized"} | {"schema": text}


@contextmanager
def running_registry() -> Iterator[Registry]:
    """A registry at a port of its own."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = registry.answer(self.path, self.headers.get("Authorization"))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            registry.form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.do_GET()

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
