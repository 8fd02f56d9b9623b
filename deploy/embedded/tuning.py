"""The server options of the embedded PostgreSQL, for this machine and our use: few connections, large batches.

Given on the command line at every start, so that they fit the machine it starts on. Durability is not reduced:
fsync, synchronous_commit and full_page_writes keep their defaults.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MIB = 2**20


def server_options(port: int) -> list[str]:
    """Every `name=value` the server starts with."""
    memory = _memory()
    buffers = max(min(memory // 4, 2048 * MIB), 32 * MIB)
    return [
        "listen_addresses=127.0.0.1",
        f"port={port}",
        # Some homes are longer than a socket's path may be.
        "unix_socket_directories=",
        "max_connections=100",
        f"shared_buffers={buffers // MIB}MB",
        f"effective_cache_size={max(memory // 2, buffers) // MIB}MB",
        f"work_mem={64 if memory >= 4096 * MIB else 16}MB",
        f"dynamic_shared_memory_type={'posix' if _shared_memory() >= 512 * MIB else 'mmap'}",
        "max_wal_size=8GB",
        "checkpoint_timeout=30min",
        "random_page_cost=1.1",
        "jit=off",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_line_prefix=%m [%p] ",
        # Statements and details of errors quote customers' values.
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
    ]


def _memory() -> int:
    """The machine's memory, or the container's share of it."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        size = min(size, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return size


def _shared_memory() -> int:
    with suppress(OSError):
        place = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only: containers often give it 64 MB
        return place.f_frsize * place.f_blocks
    return 0
