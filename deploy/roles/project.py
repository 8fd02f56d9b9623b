"""`rollcall project`: the projection worker, which keeps the read models up to date."""

from __future__ import annotations

import sys
from functools import partial

from deploy import metrics_exposure
from deploy.kafka_settings import NO_KAFKA
from deploy.settings import Settings
from deploy.wiring import application, database_url, stop_event
from projections.share.watch import watching
from projections.worker.runner import Retention, WorkerState, run_worker


def run(settings: Settings) -> None:
    """Keep the read models up to date until asked to stop."""
    state = WorkerState()
    # The thread that writes a batch answers the database at once, though the next is being matched.
    sys.setswitchinterval(0.00005)
    metrics_exposure.serve(settings, partial(_failed_checks, state))
    stop = stop_event()
    with application(settings, "rollcall_worker", size=1) as rollcall, watching(database_url(settings), stop):
        has_kafka = settings.kafka_bootstrap_servers != NO_KAFKA
        topic = settings.kafka_members_topic if has_kafka else None
        retention = Retention(settings.changes_kept_days, has_kafka, topic)
        run_worker(database_url(settings), rollcall.worker_events, stop, retention, state)


def _failed_checks(state: WorkerState) -> dict[str, str]:
    """Returns why the process cannot work at the moment; one that waits for shards can."""
    return {} if state.waits_for is None else {"database": state.waits_for.detail}
