"""`make run` in a fresh checkout, with nothing prepared, wherever it is and as any user.

Packages come from the registry, through the user's own cache where there is one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.embedded_processes import nothing_left_of, processes_of

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534
# A developer's own Python may be in a folder that other users may not enter.
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def check_out(folder: Path) -> Path:
    """The files of this checkout that git knows or would add, in a new folder."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@contextmanager
def make_run(checkout: Path, user: int | None = None, **environment: str) -> Iterator[dict[str, str]]:
    """What the screen says, by its labels, while everything runs; Ctrl-C ends it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "XDG_", "MAKE"))}
    process = subprocess.Popen(
        ["make", "run"],
        cwd=checkout,
        env=ours | {"ROLLCALL_HTTP_PORT": "0", **environment},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("Stop with"):
                break
        assert said[-1].startswith("Stop with"), "".join(said)
        assert sum(line.endswith("...\n") for line in said) >= 7, "every step is named"
        assert not any('"event"' in line for line in said), "no log lines on the screen"
        pairs = (line.strip().partition("  ") for line in said)
        yield {label: value.strip() for label, _, value in pairs}
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
    assert "Traceback" not in rest
    assert nothing_left_of(checkout), processes_of(checkout)


def count_customers(screen: dict[str, str]) -> int:
    request = urllib.request.Request(f"{screen['API']}/customers?include=total&limit=1")
    request.add_header("Authorization", f"Bearer {screen['API key']}")
    with urllib.request.urlopen(request) as answer:
        return int(json.load(answer)["total"])


@pytest.mark.full
def test_it_runs_in_a_closed_folder_whose_path_has_a_space_and_a_letter_beyond_ascii(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    checkout = check_out(closed / "check out é")
    with make_run(checkout) as screen:
        assert screen["data"] == str(checkout / ".rollcall")
        assert count_customers(screen) == 2_000
    again = subprocess.run(
        [checkout / "deploy/in-venv", "run", "rollcall", "--version"], capture_output=True, text=True, check=True
    )
    assert (again.stdout.count("\n"), again.stderr) == (1, ""), "nothing is left to do"


def test_it_runs_from_a_read_only_checkout_whose_path_has_a_space_as_a_user_without_privileges() -> None:
    # Below pytest's own folders only their owner may enter.
    with TemporaryDirectory(prefix="rollcall-", dir="/var/tmp") as place:
        folder = Path(place)
        folder.chmod(0o755)
        checkout, home = check_out(folder / "check out é"), folder / "home"
        home.mkdir()
        user = NOBODY if os.geteuid() == 0 else None
        environment = {"HOME": str(home), "PIP_CACHE_DIR": str(home / "pip"), "UV_CACHE_DIR": str(home / "uv")}
        if user:
            os.chown(home, user, user)
            environment["PATH"] = SYSTEM_PATH
        checkout.chmod(0o555)
        with make_run(checkout, user, **environment) as screen:
            assert screen["data"] == str(home / ".local/state/rollcall")
            assert count_customers(screen) == 2_000
        assert {path.name for path in checkout.iterdir()} & {".venv", ".rollcall"} == set()
        assert list((home / ".cache/rollcall").glob("venv-*/bin/rollcall"))
        checkout.chmod(0o755)
