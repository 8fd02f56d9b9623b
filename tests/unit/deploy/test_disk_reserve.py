"""When the embedded database stops writing for want of space, and when it writes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded import disk_reserve
from deploy.embedded.disk_reserve import LOW_BYTES, MARGIN_BYTES, RESERVE_BYTES, DiskReserve


class Disk:
    free = 10 * RESERVE_BYTES


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(disk_reserve, "free_bytes", lambda _: made.free)
    return made


def test_the_reserve_is_given_up_while_the_disk_is_full_and_made_again_after_it(tmp_path: Path, disk: Disk) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    guard = DiskReserve(tmp_path, data)
    guard.keep()
    reserve = tmp_path / "reserve"
    assert (reserve.stat().st_size, reserve.stat().st_blocks * 512) == (RESERVE_BYTES, RESERVE_BYTES)
    assert not guard.look()
    disk.free = LOW_BYTES - 1
    assert guard.look()
    assert not reserve.exists()
    assert (data / "read_only.conf").read_text() == "default_transaction_read_only = on\n"
    disk.free = LOW_BYTES + RESERVE_BYTES  # what giving it up brought is no new space
    assert not guard.look()
    disk.free += MARGIN_BYTES
    assert guard.look()
    assert not (data / "read_only.conf").exists()
    assert reserve.exists()
    assert not guard.look()


def test_no_reserve_is_made_where_it_would_fill_the_disk(tmp_path: Path, disk: Disk) -> None:
    disk.free = LOW_BYTES + RESERVE_BYTES - 1
    DiskReserve(tmp_path, tmp_path).keep()
    assert not (tmp_path / "reserve").exists()
