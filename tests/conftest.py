"""Real services for tests: one PostgreSQL per run, a migrated database cloned for each test."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.console.web import passwords
from projections.migrate import migrate
from tests.support.browser import chromium
from tests.support.clock import Clock, machine_now
from tests.support.http_server import stop_servers
from tests.support.installation import Installation
from tests.support.kafka import apache
from tests.support.postgres import cloned_database, running_server, unique_name

TESTS = Path(__file__).parent
# The same examples in each run, so that a change is to blame for what fails; FULL_SIZE=1 goes looking for others.
settings.register_profile("repeatable", derandomize=not os.environ.get("FULL_SIZE"), deadline=None)
settings.load_profile("repeatable")


# With several workers the last files decide when a run ends, so long files come first. Browser tests come last: they
# share a running product per process, which would only take time from the tests after them, and Playwright's event loop
# runs until that process ends: a test after them runs one of its own in a thread (`tests.support.browser.own_loop`).
FIRST = (
    "integration/api/test_document.py",
    "browser/test_every_page.py",
    "integration/embedded/test_up.py",
    "property/test_replay.py",
    "property/test_frozen_audiences.py",
    "property",
    "faults",
    "acceptance",
    "integration",
    "unit",
    "browser",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `full` runs only where it is asked for; the rest runs in the order of `FIRST`."""
    if "full" not in str(config.getoption("-m")):
        left_out = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(TESTS).as_posix()
    return next((turn for turn, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


# What may be missing on a machine: why its tests are left out then, and the variable that makes this a failure.
MAY_BE_MISSING = {
    "BROWSER": (chromium.LEFT_OUT, "ROLLCALL_TEST_BROWSER"),
    "APACHE KAFKA": (apache.LEFT_OUT, "ROLLCALL_TEST_KAFKA"),
}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where something is required, a run without it has failed."""
    for reason, variable in MAY_BE_MISSING.values():
        if _left_out(session.config, reason) and os.environ.get(variable) == "required":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """Say after everything else how many tests did not run, and why."""
    yield
    for name, (reason, _) in MAY_BE_MISSING.items():
        if left_out := _left_out(config, reason):
            terminalreporter.write_sep("=", f"{left_out} {name} TESTS LEFT OUT", red=True, bold=True)
            terminalreporter.write_line(f"{name} TESTS LEFT OUT: {reason}", red=True, bold=True)


def _left_out(config: pytest.Config, reason: str) -> int:
    """How many; with several workers, only the process that shows their reports knows."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    return sum(reason in str(report.longrepr) for report in skipped)


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apache.ApacheKafka]:
    """The one Apache Kafka of this test process; tests have topics and groups of their own on it."""
    if not apache.is_installed():
        pytest.skip(apache.LEFT_OUT)
    running = apache.ApacheKafka(tmp_path_factory.mktemp("apache") / "kafka")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session", autouse=True)
def _readable_log() -> None:
    """No local variables in tracebacks, as in production: drawing them takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hashes of passwords take an eighth of what they take in production: some tests compare hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=8 * 1024))
        yield


@pytest.fixture(scope="session", autouse=True)
def _http_servers() -> Iterator[None]:
    """The applications that the tests of this process share end with it."""
    yield
    stop_servers()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The owner's address of a PostgreSQL: of the one in ROLLCALL_TEST_DATABASE_URL, or of one of the run's own."""
    if given := os.environ.get("ROLLCALL_TEST_DATABASE_URL"):
        yield given
        return
    with running_server() as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """The name of a migrated database without data."""
    name = unique_name()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # Roles are the whole server's, and other processes of this run may bring theirs to the same one.
        connection.execute("SELECT pg_advisory_lock(7305469)")
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        migrate(make_conninfo(postgres_url, dbname=name))
    return name


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """The owner's address of a migrated database for one test."""
    with cloned_database(postgres_url, template) as url:
        yield url


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """A clock that the test moves; it stands at the instant of `starts_at`, or else at the machine's."""
    mark = request.node.get_closest_marker("starts_at")
    return Clock(mark.args[0] if mark else machine_now())


@pytest.fixture
def installation(database_url: str, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """A whole Rollcall on a database of its own, by the fixture `clock` where a test has it or `starts_at`."""
    still = request.node.get_closest_marker("starts_at") or "clock" in request.fixturenames
    now = request.getfixturevalue("clock").now if still else machine_now
    with closing(Installation(database_url, now)) as made:
        yield made
