"""`rollcall ingest`: customers' changes from Kafka into the log, and dead letters back to Kafka."""

from __future__ import annotations

from functools import partial

from consumers.dead_letter_publisher import DeadLetterPublisher
from consumers.ingest import Ingest
from consumers.kafka import LagReporter, Source
from consumers.record_stream import Limits
from consumers.state_reporter import StateReporter
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
    database = Database(database_url(settings), "rollcall_worker", size=2)
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
        reader = record_reader(settings, clock)
        ingest = Ingest(rollcall.customers, source, accounts, dead_letters, reader, stop_event())
        waits_for = partial(_waits_for, ingest, source)
        state = StateReporter(database, "ingest", clock.now, waits_for, lambda: lag.lags, accounts)
        lag.start()
        state.start()
        try:
            metrics_exposure.serve(settings, partial(_failed_checks, ingest, source))
            ingest.run()
        finally:
            state.close()
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


def _waits_for(ingest: Ingest, source: Source) -> tuple[str, str] | None:
    """Returns the code and the sentence of what the process waits for, if anything."""
    if (waits_for := ingest.waits_for) is not None:
        return waits_for.code, waits_for.detail
    if missing := source.missing_topics:
        return "topic_missing", f"Kafka has no topic {', '.join(sorted(missing))}, or does not show it to this login"
    return None
