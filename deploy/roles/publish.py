"""`rollcall publish`: membership changes to Kafka, and who is a member now where a setting names a topic for it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial

from consumers.change_publisher import ChangePublisher
from consumers.members_publisher import MembersPublisher
from consumers.membership_publisher import MembershipPublisher
from consumers.state_reporter import StateReporter
from deploy import metrics_exposure
from deploy.kafka_access import cluster_of
from deploy.settings import Settings
from deploy.wiring import check_of, database_url, stop_event
from projections.postgres.database import Database


def run(settings: Settings) -> None:
    """Publish until asked to stop. Raises `Invalid` if no Kafka is set, or the topic of members is too old."""
    cluster = cluster_of(settings, "publish")
    database, stop = Database(database_url(settings), "rollcall_worker", size=3), stop_event()
    fields = settings.kafka_change_fields
    publishers: list[ChangePublisher] = [MembershipPublisher(database, cluster, stop, fields)]
    if settings.kafka_members_topic is not None:
        publishers.append(MembersPublisher(database, cluster, stop, settings.kafka_members_topic, fields))
    metrics_exposure.serve(settings, partial(_failed_checks, publishers))
    state = StateReporter(database, "publish", settings.clock().now, partial(_waits_for, publishers))
    state.start()
    try:
        with ThreadPoolExecutor(len(publishers)) as threads:
            running = [threads.submit(publisher.run) for publisher in publishers]
            wait(running, return_when=FIRST_EXCEPTION)
            # One that failed stops the others.
            stop.set()
    finally:
        state.close()
    database.close()
    for each in running:
        each.result()


def _failed_checks(publishers: Sequence[ChangePublisher]) -> dict[str, str]:
    """Returns why the process cannot publish at the moment; a spare that waits for another can."""
    waiting = [publisher.waits_for for publisher in publishers if publisher.waits_for is not None]
    return {check_of(each): each.detail for each in waiting}


def _waits_for(publishers: Sequence[ChangePublisher]) -> tuple[str, str] | None:
    """Returns the code and the sentence of what the process waits for first, if anything."""
    waiting = (publisher.waits_for for publisher in publishers if publisher.waits_for is not None)
    return next(((each.code, each.detail) for each in waiting), None)
