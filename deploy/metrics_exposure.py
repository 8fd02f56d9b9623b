"""Where a process keeps its metrics: `/metrics` of one `up` shows all its processes, a single process shows its own.

Called by `deploy.main` before anything that has metrics is imported, and by `deploy.roles`. Below one `up` every role
writes to files in one folder under its own name, not under its pid: a role that is restarted goes on with its files,
so that its counters never decrease and no files of ended processes pile up. The folder is emptied when `up` starts.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from prometheus_client import start_http_server, values

from deploy.settings import Settings
from domain.errors import Unavailable


def share_as(role: str) -> None:
    """Keep this process's metrics in the common folder, under the name of its role."""
    values.ValueClass = values.MultiProcessValue(lambda: role)  # type: ignore[no-untyped-call]


def serve(settings: Settings) -> None:
    """Serve this process's metrics on a port of its own, where one is set. Raises `Unavailable`."""
    if settings.metrics_port is not None:
        try:
            start_http_server(settings.metrics_port, settings.http_host)
        except OSError as busy:
            reason = (busy.strerror or str(busy)).lower()
            raise Unavailable(
                "port_unavailable",
                f"Port {settings.metrics_port} cannot be used ({reason}); set ROLLCALL_METRICS_PORT to a free one.",
            ) from None


def emptied(folder: Path) -> Path:
    """The folder, new and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
