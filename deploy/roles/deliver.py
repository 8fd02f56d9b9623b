"""`rollcall deliver`: membership changes to the addresses of webhooks. Needs no Kafka."""

from __future__ import annotations

import importlib.metadata
from datetime import timedelta

from consumers.webhooks import Deliverer, Sender, Turns
from deploy import metrics_exposure
from deploy.clock import Clock
from deploy.settings import Settings
from deploy.wiring import application, database_url, stop_event
from projections.postgres.database import Database

# Turns wait for receivers, hardly ever for the database.
SESSIONS = 8


def run(settings: Settings) -> None:
    """Deliver webhooks until asked to stop, finishing the messages at hand."""
    database = Database(database_url(settings), "rollcall_worker", size=SESSIONS)
    with application(settings, "rollcall_worker", size=2) as rollcall:
        turns = Turns(
            database=database,
            webhooks=rollcall.webhooks,
            sender=Sender(settings.webhook_networks, seconds=settings.webhook_seconds),
            now=settings.clock().now,
            # Receivers compare it with their own clocks, also while ours is shifted for a rehearsal.
            sent_at=Clock().now,
            patience=timedelta(hours=settings.webhook_pause_hours),
            user_agent=f"Rollcall/{importlib.metadata.version('rollcall')}",
            stop=stop_event(),
        )
        deliverer = Deliverer(turns, settings.webhook_places)
        metrics_exposure.serve(settings, lambda: _failed_checks(deliverer))
        deliverer.run()
    database.close()


def _failed_checks(deliverer: Deliverer) -> dict[str, str]:
    """Returns why the process cannot deliver at the moment."""
    return {} if deliverer.waits_for is None else {"database": deliverer.waits_for.detail}
