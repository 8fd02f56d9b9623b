"""`make bench`: every section; `python -m tests.performance log import console`: some of them."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

import structlog

from deploy.embedded.postgres import Postgres
from tests.performance import (
    bench_audience,
    bench_console,
    bench_edit,
    bench_end_to_end,
    bench_import,
    bench_log,
    bench_matcher,
    bench_projection,
    bench_time,
)
from tests.performance.freshness import bench as freshness
from tests.performance.peer import bench as peer
from tests.performance.workers import bench as workers

# Beside the code rather than in a folder for temporary files, which may be small or in memory.
CHECKOUT = Path(__file__).resolve().parents[2]
SECTIONS = (
    "log", "matcher", "projection", "workers", "peer", "edit", "time", "end_to_end", "freshness", "import", "audience",
    "console",
)  # fmt: skip


def main() -> None:
    """Run the sections that were named, or all."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)  # as in production: see deploy.main
    sys.setswitchinterval(0.00005)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    wanted = sys.argv[1:] or SECTIONS
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=CHECKOUT) as folder:
        home = Path(folder)
        # Started by root, PostgreSQL runs as a user without privileges, who has to pass.
        home.chmod(0o755)
        server = Postgres(home)
        server.start()
        try:
            if "log" in wanted:
                bench_log.run(server)
            if "matcher" in wanted:
                bench_matcher.run()
            if "projection" in wanted:
                bench_projection.run(server)
            if "workers" in wanted:
                workers.run(server, home)
            if "peer" in wanted:
                peer.run(server)
            if "edit" in wanted:
                bench_edit.run(server)
            if "audience" in wanted:
                bench_audience.run(server)
            if "console" in wanted:
                bench_console.run(server)
            if "time" in wanted:
                bench_time.run(server)
        finally:
            server.stop()
        if "end_to_end" in wanted:
            bench_end_to_end.run(home)
        if "freshness" in wanted:
            freshness.run(home)
        if "import" in wanted:
            bench_import.run(home)


if __name__ == "__main__":
    main()
