"""`rollcall up` on a disk that fills up: reads go on, writes are answered 503, and both work once there is space."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.embedded.disk_reserve import LOW_BYTES, MIB, free_bytes
from tests.support.running_product import eventually, running

DISK_MIB = 420


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root can make."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    tmp_path.chmod(0o755)
    place = tmp_path / "disk"
    place.mkdir(mode=0o755)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full, to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    continue
            except OSError:
                continue


def leave_free(disk: Path, size: int) -> None:
    """Take what is free of the disk, but so many bytes."""
    with (disk / "taken").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free_bytes(disk) - size)


def has_its_space(file: Path) -> bool:
    """Returns whether all of a file can be written on a full disk."""
    found = file.stat()
    return found.st_blocks * 512 >= found.st_size


def reading(http: httpx.Client) -> int:
    try:
        return http.get("/v1/customers/a").status_code
    except httpx.TransportError:
        return 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_reads_go_on_while_the_disk_is_full_and_writes_after_it(small_disk: Path) -> None:
    with running(small_disk / "home", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as rollcall:
        http = rollcall.http
        assert http.put("/v1/customers/a", json={"name": "Ana"}).status_code == 201
        eventually(rollcall.is_up_to_date)
        assert "rollcall_data_free_bytes" in http.get("/metrics").text
        assert not [each for each in (small_disk / "home" / "metrics").iterdir() if not has_its_space(each)]
        filler = small_disk / "filler"
        fill(filler)
        eventually(lambda: http.get("/readyz").status_code == 503, 20)
        answers = []
        until = time.monotonic() + 5  # what the disk does to the server must show by then
        while time.monotonic() < until:
            refused = http.put("/v1/customers/b", json={"name": "B" * 200})
            answers.append((reading(http), refused.status_code))
        assert set(answers) == {(200, 503)}
        assert "read-only" in refused.json()["detail"]
        filler.unlink()
        began = time.monotonic()
        eventually(lambda: http.put("/v1/customers/b", json={"name": "B"}).status_code in (200, 201), 30)
        eventually(lambda: http.get("/readyz").status_code == 200, 30)
        eventually(rollcall.is_up_to_date)
        print(f"{len(answers)} reads and refused writes; it is written again after {time.monotonic() - began:.1f} s")
        assert http.get("/v1/customers/b").json()["name"] == "B"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_writer_that_fills_the_disk_itself_is_refused_before_the_database_ends(small_disk: Path) -> None:
    with running(small_disk / "home", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as rollcall:
        assert rollcall.http.put("/v1/customers/a", json={"name": "Ana"}).status_code == 201
        leave_free(small_disk, LOW_BYTES + 60 * MIB)
        seen = set()
        number = 0
        while 503 not in seen:
            lines = "\n".join(f'{{"external_id": "{number}-{each}", "name": "{"n" * 180}"}}' for each in range(2_000))
            seen.add(rollcall.http.post("/v1/customers/bulk", content=lines, timeout=60).status_code)
            number += 1
            assert number < 1_000
        assert seen == {200, 503}
        assert {reading(rollcall.http) for _ in range(50)} == {200}
