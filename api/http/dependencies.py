"""What every handler is given: made once by `deploy.roles.api`, handed to `api.app.create_app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request

from api.http.shares.limits import Limits
from api.http.shares.positions import PositionWatcher
from api.http.shares.prompt import PromptAnswers
from api.reads import PrimaryReads, Reads, ReplicaReads
from domain.commands.application import Rollcall
from projections.postgres.database import Database
from projections.records.dead_letters import Retried


@dataclass(frozen=True, slots=True)
class Services:
    """The commands, the database, and the few figures that deployments set.

    `secret` signs page cursors and derives the keys of repeated requests: the same for every API process of
    an installation, also after restarts. `lag_wait` is how long a read waits for `min_position`,
    `own_write_wait` how long a write waits to see itself, `freeze_wait` how long the freezing of an audience
    waits for its count, `ready_lag` how far the read models may be behind while `/readyz` answers 200, all in
    seconds. `metrics_folder` is where the processes of one installation share metrics, `data_folder` where the
    embedded database is. `limits` are the fair shares of this process. `positions` knows when the read models include
    a position, `prompt` answers the health endpoints; both use `own_sessions`, where given, which no other request can
    exhaust. `reads` is where the read models are read: `replica`, where there is one, or `database`.
    `webhook_networks` are the networks that webhooks may reach beside the public internet. `import_waiting` and
    `job_waiting` wake the runners of imports and of jobs. `stopping` is set when the process begins to end: whatever
    follows something without an end ends then. `retry` retries a dead letter, by account and id.
    """

    rollcall: Rollcall
    database: Database
    secret: bytes
    version: str
    retry: Callable[[UUID, int], Retried]
    lag_wait: float = 5.0
    own_write_wait: float = 2.0
    freeze_wait: float = 30.0
    ready_lag: float = 300.0
    max_body: int = 1 << 20
    max_bulk: int = 64 << 20
    max_import: int = 10 << 20
    webhook_networks: tuple[str, ...] = ()
    metrics_folder: Path | None = None
    data_folder: Path | None = None
    import_waiting: Event = field(default_factory=Event)
    job_waiting: Event = field(default_factory=Event)
    stopping: Event = field(default_factory=Event)
    limits: Limits = field(default_factory=Limits)
    own_sessions: Database | None = None
    replica: ReplicaReads | None = None
    reads: Reads = field(init=False)
    positions: PositionWatcher = field(init=False)
    prompt: PromptAnswers = field(init=False)

    def __post_init__(self) -> None:
        reads = self.replica or PrimaryReads(self.database, self.quick_database)
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "positions", PositionWatcher(reads, self.limits.position_thread))
        object.__setattr__(self, "prompt", PromptAnswers(self.limits.health_threads))

    @property
    def quick_database(self) -> Database:
        """The sessions that no other request can exhaust, where there are such."""
        return self.own_sessions or self.database


def provide_services(app: FastAPI, services: Services) -> None:
    """Make `services` what the handlers of an application are given; a mounted application needs its own call."""
    app.state.services = services


async def services_of(request: Request) -> Services:
    """The services that the application was made with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]
