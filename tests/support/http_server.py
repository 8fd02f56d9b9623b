"""The HTTP application on ports of their own, shared by the tests of a process.

Used by `Installation`. FastAPI prepares a route when it is first asked for, which costs more than most tests do in
all; so an application lives as long as the process, and answers with the services of the test that has it. Two tests
never have the same one at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import uvicorn

from api.app import create_app
from api.http.dependencies import Services

DOCUMENTS = Path(__file__).resolve().parents[2] / "deploy/docs"


class _Current:
    """The services of the test that has the server; read anew by every request."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def __getattr__(self, name: str) -> Any:
        return getattr(self.services, name)


class _Server:
    """One application, served by a thread."""

    def __init__(self, services: Services) -> None:
        self._current = _Current(services)
        app = create_app(cast("Services", self._current), DOCUMENTS)
        self._uvicorn = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._uvicorn.run, name="http", daemon=True)
        self._thread.start()
        while not self._uvicorn.started:
            self._thread.join(0.005)
            assert self._thread.is_alive(), "the server ended before it began"
        self.address = f"http://127.0.0.1:{self._uvicorn.servers[0].sockets[0].getsockname()[1]}"

    def serve(self, services: Services) -> None:
        """Answer with these services from now on."""
        self._current.services = services

    def stop(self) -> None:
        """Answer what was asked, then end."""
        self._uvicorn.should_exit = True
        self._thread.join(30)


_idle: list[_Server] = []


@contextmanager
def served(services: Services, *, shared: bool = True) -> Iterator[str]:
    """The address of an application that answers with these services; an own one where it is not to be shared."""
    server = _idle.pop() if shared and _idle else _Server(services)
    server.serve(services)
    try:
        yield server.address
    finally:
        if shared:
            _idle.append(server)
        else:
            server.stop()


def stop_servers() -> None:
    """End what the tests of this process have shared."""
    while _idle:
        _idle.pop().stop()
