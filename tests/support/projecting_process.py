"""A process `rollcall project` beside the test, which may stop, freeze or kill it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.support.embedded_processes import ROLLCALL, environment
from tests.support.installation import Installation
from tests.support.postgres import address_of


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
