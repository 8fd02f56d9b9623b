"""Where a process keeps its metrics: `/metrics` of one `up` shows all its processes, a single process shows its own.

A single `ingest`, `project`, `publish` or `deliver` also says there whether it is ready.

Called by `deploy.main` before anything that has metrics is imported, and by `deploy.roles`. Below one `up` every role
writes to files in one folder under its own name, not under its pid: a role that is restarted goes on with its files,
so that its counters never decrease and no files of ended processes pile up. The folder is emptied when `up` starts.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app, values

from deploy.settings import Settings
from domain import json_text
from domain.errors import Unavailable

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Why the process is not ready, by check; empty where it is.
FailedChecks = Callable[[], Mapping[str, str]]


# The library's files of one process, by the kinds of metric that Rollcall has.
_KINDS = ("counter", "histogram", "gauge_livemin", "gauge_livemostrecent", "gauge_livesum")
_FILE_BYTES = 256 * 2**10


def share_as(name: str, folder: Path) -> None:
    """Keep this process's metrics in the common folder, under the name of its role, or its own where it has several.

    Without `_`, at which the library divides the names of its files.
    """
    for kind in _KINDS:
        _allocate(folder / f"{kind}_{name}.db")
    values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]


def _allocate(path: Path) -> None:
    """Give a file of the library its space on the disk before the library maps it into memory.

    It would make the file without, and the kernel ends a process (SIGBUS) that writes to such a page of a full disk.
    """
    if path.exists():
        return
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.posix_fallocate(file, 0, _FILE_BYTES)
    finally:
        os.close(file)


def serve(settings: Settings, failed_checks: FailedChecks) -> None:
    """Serve this process's `/metrics`, `/readyz` and `/livez` on a port of its own, where one is set.

    Raises `Unavailable` where the port is in use.
    """
    if settings.metrics_port is None:
        return
    try:
        server = make_server(
            settings.http_host, settings.metrics_port, _application(failed_checks), _ThreadingServer, _SilentHandler
        )
    except OSError as busy:
        reason = (busy.strerror or str(busy)).lower()
        raise Unavailable(
            "port_unavailable",
            f"Port {settings.metrics_port} cannot be used ({reason}); set ROLLCALL_METRICS_PORT to a free one.",
        ) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _application(failed_checks: FailedChecks) -> WSGIApplication:
    metrics: WSGIApplication = make_wsgi_app()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in ("/livez", "/readyz"):
            return metrics(environ, start_response)
        failed = failed_checks() if path == "/readyz" else {}
        status = "503 Service Unavailable" if failed else "200 OK"
        body: dict[str, object] = {"status": "live" if path == "/livez" else "ready"}
        if failed:
            body = {"status": "not_ready", "checks": dict(failed)}
        start_response(status, [("Content-Type", "application/json")])
        return [json_text.dumps(body)]

    return answer


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the one it replaces
        """Log nothing: a probe comes every few seconds."""


def emptied(folder: Path) -> Path:
    """The folder, new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
