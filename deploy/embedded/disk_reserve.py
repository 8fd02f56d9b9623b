"""Keeps the embedded PostgreSQL from dying of a full disk: a reserve of bytes, and no writes while there is no space.

Used by `postgres`. A PostgreSQL that cannot extend its write-ahead log ends, and cannot start again. So while little
space is free, the reserve is given up and the database is read-only: reads go on, writes are answered 503. Once there
is space for a new reserve, writes go on. In production this is the operator's task (docs/operations.md).
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

MIB = 2**20
RESERVE_BYTES = 64 * MIB
# Below so many free bytes nothing more is written.
LOW_BYTES = 48 * MIB
# How much more than both must be free before writes go on, so that the state does not change with every write.
MARGIN_BYTES = 16 * MIB
# Included by postgresql.conf where it exists. It is kept under another name until then: on a disk that something else
# fills faster than the reserve is given up, a file can be renamed, but not written.
READ_ONLY_FILE = "read_only.conf"
READY_FILE = "read_only.ready"

log = structlog.stdlib.get_logger("rollcall.up")


def free_bytes(folder: Path) -> int:
    """Returns how much can still be written in the file system of a folder."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class DiskReserve:
    """The reserve of one home, and whether its database, in the folder `data`, takes writes."""

    def __init__(self, home: Path, data: Path) -> None:
        self._home = home
        self._reserve = home / "reserve"
        self._switch = data / READ_ONLY_FILE
        self._ready = data / READY_FILE

    @property
    def is_read_only(self) -> bool:
        """Returns whether the database was made read-only for want of space."""
        return self._switch.exists()

    def look(self) -> bool:
        """Give the reserve up or restore it, as there is space. Returns whether the server must read its settings."""
        free = free_bytes(self._home)
        if not self.is_read_only:
            if free >= LOW_BYTES:
                return False
            self._prepare()
            self._ready.rename(self._switch)
            self._reserve.unlink(missing_ok=True)
            log.error("disk_full", free_bytes=free, meaning="the database is read-only", remedy="make space")
            return True
        if free < LOW_BYTES + RESERVE_BYTES + MARGIN_BYTES:
            return False
        self._switch.rename(self._ready)
        self.keep()
        log.warning("disk_space_back", free_bytes=free)
        return True

    def keep(self) -> None:
        """Make the reserve and the file of the switch where they are missing and there is space for them."""
        if not self.is_read_only:
            self._prepare()
        if self._reserve.exists() or free_bytes(self._home) < LOW_BYTES + RESERVE_BYTES:
            return
        file = os.open(self._reserve, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.posix_fallocate(file, 0, RESERVE_BYTES)
        finally:
            os.close(file)

    def _prepare(self) -> None:
        if not self._ready.exists():
            self._ready.write_text("default_transaction_read_only = on\n")
