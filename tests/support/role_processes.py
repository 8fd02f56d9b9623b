"""The real command's roles `api` and `project` over one database, for tests that kill them."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

from httpx import TransportError

from deploy.embedded.supervised import free_port
from tests.support.embedded_processes import ROLLCALL, environment
from tests.support.http_client import http_client
from tests.support.postgres import address_of
from tests.support.running_product import eventually


class RoleProcesses:
    """One process of each role at a time, and a client of the API; `kills` counts them by role."""

    def __init__(self, url: str, home: Path, key: str, **settings: str) -> None:
        port = free_port()
        ours = {"ROLLCALL_DATABASE_URL": address_of(url), "ROLLCALL_HTTP_PORT": str(port)}
        self._environment = environment(home, ours | settings)
        self.http = http_client(f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"})
        self.kills: Counter[str] = Counter()
        self._running = {role: self._start(role) for role in ("api", "project")}
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the API answers."""
        eventually(self._answers)

    def kill(self, *roles: str) -> None:
        """SIGKILL to all of them at once; then start each anew, without waiting for it."""
        for role in roles:
            assert self._running[role].poll() is None, f"{role} ended by itself"
            self._running[role].kill()
            self.kills[role] += 1
        for role in roles:
            self._running[role].wait()
            self._running[role] = self._start(role)

    def restart(self, role: str) -> int:
        """Ask a role to stop and start it anew; the exit code."""
        self._running[role].terminate()
        code = self._running[role].wait(20)
        self._running[role] = self._start(role)
        self.wait_until_ready()
        return code

    def close(self) -> None:
        """End every process that runs; one that has ended by itself is a fault."""
        while self._running:
            role, process = self._running.popitem()
            assert process.poll() is None, f"{role} ended by itself"
            process.kill()
            process.wait()
        self.http.close()

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [ROLLCALL, role], env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _answers(self) -> bool:
        try:
            return self.http.get("/livez").status_code == 200
        except TransportError:
            return False
