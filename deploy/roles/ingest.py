"""`rollcall ingest`: customers' changes from Kafka into the log, and dead letters back to Kafka."""

from __future__ import annotations

from functools import partial

from consumers.dead_letter_publisher import DeadLetterPublisher
from consumers.ingest import Ingest
from consumers.kafka import LagReporter, Source
from consumers.record_stream import Limits
from deploy import metrics_exposure
from deploy.kafka_access import cluster_of
from deploy.record_reading import record_reader
from deploy.settings import Settings
from deploy.wiring import application, check_of, database_url, stop_event
from domain.account import account_id_of
from projections.postgres.database import Database


def run(settings: Settings) -> None:
    """Ingest Kafka's records until asked to stop. Raises `Invalid` if no Kafka is set."""
    cluster = cluster_of(settings, "ingest")
    database = Database(database_url(settings), "rollcall_worker", size=1)
    accounts = {topic: account_id_of(name) for topic, name in settings.kafka_topics.items()}
    clock = settings.clock()
    with application(settings, "rollcall_worker") as rollcall:
        source = Source(
            cluster,
            list(accounts),
            rollcall.customers.tracked_offset,
            group=settings.kafka_group,
            limits=Limits(settings.kafka_max_record_bytes, settings.kafka_max_batch_bytes),
        )
        lag = LagReporter(cluster, source.progress)
        dead_letters = DeadLetterPublisher(database, cluster, clock.now)
        lag.start()
        try:
            ingest = Ingest(
                rollcall.customers, source, accounts, dead_letters, record_reader(settings, clock), stop_event()
            )
            metrics_exposure.serve(settings, partial(_failed_checks, ingest, source))
            ingest.run()
        finally:
            lag.close()
    database.close()


def _failed_checks(ingest: Ingest, source: Source) -> dict[str, str]:
    """Returns why the process cannot ingest at the moment."""
    failed = {}
    if (waits_for := ingest.waits_for) is not None:
        failed[check_of(waits_for)] = waits_for.detail
    if missing := source.missing_topics:
        failed["topics"] = f"missing: {', '.join(sorted(missing))}"
    return failed
