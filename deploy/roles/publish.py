"""`rollcall publish`: membership changes to Kafka."""

from __future__ import annotations

from functools import partial

from consumers.membership_publisher import MembershipPublisher
from deploy import metrics_exposure
from deploy.kafka_access import cluster_of
from deploy.settings import Settings
from deploy.wiring import database_url, stop_event
from projections.postgres.database import Database


def run(settings: Settings) -> None:
    """Publish membership changes until asked to stop. Raises `Invalid` if no Kafka is set."""
    cluster = cluster_of(settings, "publish")
    database = Database(database_url(settings), "rollcall_worker", size=1)
    publisher = MembershipPublisher(database, cluster, stop_event(), settings.kafka_change_fields)
    metrics_exposure.serve(settings, partial(_failed_checks, publisher))
    publisher.run()
    database.close()


def _failed_checks(publisher: MembershipPublisher) -> dict[str, str]:
    """Returns why the process cannot publish at the moment; a spare that waits for another can."""
    if (waits_for := publisher.waits_for) is None:
        return {}
    return {"broker" if waits_for.code.startswith("broker") else "database": waits_for.detail}
