"""`rollcall up`: every process of Rollcall below one, which starts, watches and stops them.

Called by `deploy.main`. PostgreSQL and the broker are started where none is given, the database is migrated, then
come the roles, each in its own process with everything it needs in its environment. A service that dies is restarted.
SIGINT, SIGTERM and SIGHUP (see `stoppable`) stop all in order; if this process is killed, the kernel ends the others.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from deploy import commands, metrics_exposure
from deploy.clock import Clock
from deploy.demo import CUSTOMERS
from deploy.embedded.broker import Broker
from deploy.embedded.instance import claim
from deploy.embedded.postgres import Postgres
from deploy.embedded.screen import own_command, show_ready, show_step
from deploy.embedded.supervised import Program, free_port, launch, require_free_port, stop
from deploy.embedded.supervisor import Supervisor
from deploy.settings import Settings, environment_for_child
from deploy.wiring import database_url
from projections.migrate import migrate
from projections.postgres.database import Role as DatabaseRole
from projections.postgres.logins import renew_login

PATIENCE = 60.0
DATABASE_ROLES: Mapping[str, DatabaseRole] = {
    "api": "rollcall_api",
    "project": "rollcall_worker",
    "ingest": "rollcall_worker",
    "publish": "rollcall_worker",
    "deliver": "rollcall_worker",
    "demo": "rollcall_worker",
}
log = structlog.stdlib.get_logger("rollcall.up")


class Role:
    """One process of Rollcall: `ingest`, `project`, `publish`, `deliver`, `api` or `demo`."""

    patience = 8.0

    def __init__(self, name: str, settings: Settings, *options: str, may_end: bool = False) -> None:
        self.name = name
        self._options = options
        self._may_end = may_end
        self._environment = environment_for_child(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0

    def start(self) -> None:
        """Start the process, without waiting until it is ready."""
        # -P: a folder named `api` in the user's working folder must not be imported instead of ours.
        command = [sys.executable, "-P", "-m", "deploy.main", self.name, *self._options]
        self._process = launch(Program(command, self._environment))

    def alive(self) -> bool:
        """Returns whether it runs, or has ended because its work is done."""
        if self._process is None:
            return False
        code = self._process.poll()
        return code is None or (code == 0 and self._may_end)

    def ask_to_stop(self) -> None:
        """Send the signal, and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._deadline = time.monotonic() + self.patience

    def stop(self) -> None:
        """Wait for the end; kill it when its time is over: a kill at any instant loses nothing."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(self._deadline - time.monotonic(), 0))
            stop(self._process)


def up(settings: Settings, *, demo: bool) -> None:
    """Run everything until `Stopped` is raised, and then stop it."""
    with ExitStack() as exits:
        if settings.http_port == 0:
            settings = settings.model_copy(update={"http_port": free_port()})
        require_free_port(settings.http_host, settings.http_port, "ROLLCALL_HTTP_PORT")
        supervisor = Supervisor()
        given = settings
        settings = _start_services(settings, supervisor, exits)
        api_key = commands.bootstrap(settings)
        show_step("Starting the API and the workers")
        logins = _logins(settings) if given.database_url is None else {}
        for number in range(1, settings.workers + 1):
            worker = _with_login(settings, logins, "project").model_copy(update={"metrics_name": f"project-{number}"})
            supervisor.start(Role("project", worker))
        for name in ("api", "deliver", *(["ingest", "publish"] if settings.kafka else [])):
            supervisor.start(Role(name, _with_login(settings, logins, name)))
        position = 1
        if demo:
            show_step(f"Loading {CUSTOMERS:,} sample customers")
            position = commands.fill_demo(settings)
        _wait_until_ready(settings, supervisor, position)
        if demo:
            supervisor.start(Role("demo", _with_login(settings, logins, "demo"), "--no-fill", may_end=True))
        show_ready(_values(given, settings, api_key), _commands())
        while True:
            supervisor.tend()
            time.sleep(0.2)


def _logins(settings: Settings) -> dict[str, str]:
    """Returns the database address of each role, which has the rights that it has in production and no more."""
    return {
        name: renew_login(database_url(settings), f"rollcall_login_{name}", role)
        for name, role in DATABASE_ROLES.items()
    }


def _with_login(settings: Settings, logins: Mapping[str, str], name: str) -> Settings:
    return settings.model_copy(update={"database_url": logins.get(name, settings.database_url)})


def _start_services(settings: Settings, supervisor: Supervisor, exits: ExitStack) -> Settings:
    """Start what is not given, migrate, and return the settings that every role shares."""
    found: dict[str, object] = {}
    if settings.clock_start is not None:
        found["clock_offset"] = Clock.starting_at(settings.clock_start).offset.total_seconds()
        log.warning("rehearsal_clock", starts_at=settings.clock_start.isoformat())
    no_database, no_kafka = settings.database_url is None, settings.kafka_bootstrap_servers is None
    instance = exits.enter_context(claim(settings.home)) if no_database or no_kafka else None
    if instance:
        found["metrics_folder"] = metrics_exposure.emptied(settings.home / "metrics")
    else:
        found["metrics_folder"] = Path(exits.enter_context(TemporaryDirectory(prefix="rollcall-metrics-")))
    # Entered after the claim, so that all have stopped before the home is given up.
    exits.callback(supervisor.stop)
    broker = Broker(settings.home, settings.kafka_port, settings.kafka_topics) if no_kafka else None
    if no_database:
        postgres = Postgres(settings.home)
        show_step("Starting PostgreSQL" if postgres.has_data() else f"Creating a database in {settings.home}")
        supervisor.start(postgres)
        found["database_url"] = postgres.url
    if broker:
        show_step("Starting a Kafka-compatible broker")
        supervisor.start(broker)
        found["kafka_bootstrap_servers"] = broker.address
    settings = settings.model_copy(update=found)
    assert settings.database_url is not None
    show_step("Bringing the database to this version")
    migrate(settings.database_url)
    if instance:
        instance.publish(settings)
    return settings


def _wait_until_ready(settings: Settings, supervisor: Supervisor, position: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _is_ready(settings, position):
        supervisor.tend()
        if time.monotonic() > deadline:
            log.warning("still_not_ready", seconds=PATIENCE)
            return
        time.sleep(0.1)


def _is_ready(settings: Settings, position: int) -> bool:
    """Returns whether the API answers and the read models include `position`: the end of the sample data, if any."""
    connection = http.client.HTTPConnection(settings.http_url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and json.load(answer)["position"] >= position
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _values(given: Settings, settings: Settings, api_key: str | None) -> dict[str, str]:
    """Returns what the person needs, by the labels of the screen."""
    return {
        "console": commands.console_link(settings),
        "API": f"{settings.http_url}/v1",
        "API key": api_key or "as before (make another with: rollcall key create)",
        "Kafka": settings.kafka or "none",
        "data": str(settings.home) if given.database_url is None else "in the given database",
    }


def _commands() -> dict[str, str]:
    """Returns the commands that the person may want next, with what each is for."""
    rollcall = own_command()
    return {
        f"{rollcall} person link": "prints another link to the console; each works once",
        f"{rollcall} key create": "prints another API key; each is shown once",
    }
