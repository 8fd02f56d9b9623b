"""The real command's roles `api` and `project` over one database, for tests that stop, freeze or kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from httpx import TransportError

from deploy.embedded.supervised import free_port
from tests.support.embedded_processes import ROLLCALL, environment
from tests.support.http_client import http_client
from tests.support.installation import Installation
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


class Project:
    """One process `rollcall project`, and the lines of its log."""

    def __init__(self, installation: Installation, home: Path) -> None:
        settings = {"ROLLCALL_DATABASE_URL": address_of(installation.url), "ROLLCALL_LOG_FORMAT": "json"}
        self._log = (home / f"{time.monotonic_ns()}.log").open("w+")
        self._process = subprocess.Popen([ROLLCALL, "project"], env=environment(home, settings), stderr=self._log)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        lines = Path(self._log.name).read_text().splitlines()
        assert not any("Traceback" in line for line in lines), lines
        return [json.loads(line) for line in lines]

    def has(self) -> tuple[int, int]:
        """How many shards and accounts it projects, by the last line that says so."""
        divided = [line for line in self.lines() if line["event"] == "shards_divided"]
        return (divided[-1]["shards"], divided[-1]["accounts"]) if divided else (0, 0)

    def stood_down(self) -> int:
        """How often it lost its shards, or its session."""
        return sum(line["event"] in ("leases_lost", "database_away") for line in self.lines())

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process.poll() is None, "it ended by itself"
        self._process.kill()
        self._process.wait()
        self._log.close()

    def close(self) -> None:
        """Ask it to stop; it ends without an error."""
        self.signal(signal.SIGCONT)
        self._process.terminate()
        code = self._process.wait(30)
        self._log.close()
        assert code == 0
