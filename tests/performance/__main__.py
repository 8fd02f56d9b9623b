"""`make bench`: every section; `python -m tests.performance log import console`: some of them.

With `--keep FOLDER`, what the console's section loads is kept there, and used again by the next run with that folder.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from deploy.embedded.postgres import Postgres
from tests.performance import (
    bench_audience,
    bench_behaviour,
    bench_edit,
    bench_end_to_end,
    bench_import,
    bench_jobs,
    bench_log,
    bench_matcher,
    bench_projection,
    bench_time,
)
from tests.performance.cells import bench as cells
from tests.performance.cells import disk
from tests.performance.console import bench as console
from tests.performance.freshness import bench as freshness
from tests.performance.peer import behaviour as peer_behaviour
from tests.performance.peer import bench as peer
from tests.performance.reads import bench as reads
from tests.performance.workers import bench as workers

# Beside the code rather than in a folder for temporary files, which may be small or in memory.
CHECKOUT = Path(__file__).resolve().parents[2]
ON_ONE_SERVER: dict[str, Callable[[Postgres], None]] = {
    "log": bench_log.run,
    "projection": bench_projection.run,
    "peer": peer.run,
    "peer_behaviour": peer_behaviour.run,
    "edit": bench_edit.run,
    "audience": bench_audience.run,
    "console": console.run,
    "time": bench_time.run,
    "behaviour": bench_behaviour.run,
    "disk": disk.run,
}
SECTIONS = ("cells", "matcher", *ON_ONE_SERVER, "workers", "end_to_end", "freshness", "reads", "import", "jobs")


def main() -> None:
    """Run the sections that were named, or all."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)  # as in production: see deploy.main
    sys.setswitchinterval(0.00005)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asked = ArgumentParser(prog="python -m tests.performance")
    asked.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all, if none is named")
    asked.add_argument("--keep", type=Path, help="folder in which the load of the console's section is kept")
    arguments = asked.parse_args()
    wanted, kept = arguments.sections or SECTIONS, arguments.keep
    if "cells" in wanted:
        cells.run()
    if "matcher" in wanted:
        bench_matcher.run()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=CHECKOUT) as folder:
        home = kept or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        # Started by root, PostgreSQL runs as a user without privileges, who has to pass.
        home.chmod(0o755)
        if not ON_ONE_SERVER.keys().isdisjoint(wanted):
            server = Postgres(home)
            server.start()
            try:
                for name, section in (ON_ONE_SERVER | {"console": partial(console.run, kept=kept)}).items():
                    if name in wanted:
                        section(server)
            finally:
                server.stop()
        if "workers" in wanted:
            workers.run(home)
        if "end_to_end" in wanted:
            bench_end_to_end.run(home)
        if "freshness" in wanted:
            freshness.run(home)
        if "reads" in wanted:
            reads.run(home)
        if "import" in wanted:
            bench_import.run(home)
        if "jobs" in wanted:
            bench_jobs.run(home)


if __name__ == "__main__":
    main()
