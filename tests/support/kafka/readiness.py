"""A single role of the real command, and what is said of it: by itself, by the API, and on the Health page."""

from __future__ import annotations

import html
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from deploy.embedded.supervised import free_port
from tests.support.embedded_processes import ROLLCALL, environment
from tests.support.installation import Installation
from tests.support.postgres import address_of


@contextmanager
def role(
    name: str, home: Path, installation: Installation, settings: Mapping[str, str], log: Path | None = None
) -> Iterator[str]:
    """A role of the real command, its settings as variables; yields the address of its metrics."""
    port = free_port()
    ours = {"ROLLCALL_DATABASE_URL": address_of(installation.url), "ROLLCALL_METRICS_PORT": str(port), **settings}
    with (log or Path(os.devnull)).open("wb") as errors:
        process = subprocess.Popen([ROLLCALL, name], env=environment(home, ours), stderr=errors)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            assert process.wait(30) == 0


def answer(address: str, path: str = "/readyz") -> tuple[int, Any]:
    """The status and the body of an answer; 0 while there is none."""
    try:
        answered = httpx.get(address + path)
    except httpx.TransportError:
        return 0, {}
    return answered.status_code, answered.json()


def kafka(client: httpx.Client) -> dict[str, Any]:
    """What `/readyz` of the API says of Kafka."""
    found: dict[str, Any] = client.get("/readyz").raise_for_status().json().get("kafka", {})
    return found


def said(console: httpx.Client) -> str:
    """What the Health page says, without its tags."""
    page = console.get("/console/health").text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
