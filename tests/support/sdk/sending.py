"""Analytics SDKs as their users have them, from their registries: nothing is set but the host and the key."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

HERE = Path(__file__).parent
PYTHON: dict[str, Any] = {"segment-python": SegmentClient, "rudder-python": RudderClient}
NODE = {"segment-node": "segment", "rudder-node": "rudder"}
PATIENCE = 300


def send_by_python(sdk: str, host: str, key: str, numbers: range) -> Iterator[str]:
    """Identify a customer of each number; yields after each, and says at the end what went wrong."""
    wrong: list[str] = []
    client = PYTHON[sdk](key, host=host, on_error=lambda error, batch: wrong.append(f"{error}: {len(batch)} lost"))
    for number in numbers:
        traits = {"firstName": "Ana", "lastOrder": number, "address": {"city": "Porto"}}
        taken, _ = client.identify(f"{sdk}-{number}", traits)
        if not taken:
            wrong.append("its queue is full")
        yield ""
    client.flush()
    client.join()
    yield "; ".join(wrong)


def installed_node_sdks(folder: Path) -> Path:
    """A folder with the Node.js SDKs in the versions of package-lock.json; skips the test where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, so the SDKs for Node.js are not tried")
    for name in ("package.json", "package-lock.json", "send.mjs"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if ran.returncode != 0:
        pytest.skip(f"npm could not install the SDKs for Node.js: {ran.stderr[-500:]}")
    return folder


class NodeSdk:
    """A process that identifies `count` customers: one half at once, the other when `go_on` is called."""

    def __init__(self, folder: Path, sdk: str, host: str, key: str, count: int) -> None:
        self._process = subprocess.Popen(
            ["node", "send.mjs", NODE[sdk], host, key, str(count)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_half(self) -> None:
        """Wait until the first half is answered."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "half\n", self._process.communicate()[1][-2_000:]

    def go_on(self) -> Any:
        """Send the other half; what the process says at its end."""
        said, complaints = self._process.communicate("\n", timeout=PATIENCE)
        assert self._process.returncode == 0, complaints[-2_000:]
        return json.loads(said.splitlines()[-1])
