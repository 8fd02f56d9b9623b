"""The API in a process of its own, as in production, for benchmarks that ask it over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx import Client, ConnectError

from deploy.embedded.supervised import free_port
from tests.performance.stage import Stage
from tests.support.postgres import address_of


@contextmanager
def served(scene: Stage, key: str | None = None, log: Path | None = None) -> Iterator[tuple[Client, int]]:
    """A client with an API key, or none, and the process' id; `log` keeps its log in JSON lines."""
    port = free_port()
    settings = {
        "ROLLCALL_DATABASE_URL": address_of(scene.url),
        "ROLLCALL_HTTP_PORT": str(port),
        "ROLLCALL_LOG_FORMAT": "json",
        "ROLLCALL_LOG_LEVEL": "error" if log is None else "info",
    }
    with Path(os.devnull if log is None else log).open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "deploy.main", "api"], env={**os.environ, **settings},
            stderr=None if log is None else lines,
        )  # fmt: skip
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    try:
        with Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
            while True:
                try:
                    client.get("/readyz").raise_for_status()
                    break
                except ConnectError:
                    assert process.poll() is None, "the API ended before it began"
                    time.sleep(0.1)
            yield client, process.pid
    finally:
        process.terminate()
        process.wait(20)
