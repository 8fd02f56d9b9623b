"""The worker while the database is unavailable for a moment: it waits and continues, whichever session noticed."""

from __future__ import annotations

import threading
from typing import Any

from domain.commands.log import Log
from domain.commands.worker_events import WorkerEvents
from domain.errors import Unavailable
from domain.segment import SegmentDraft
from projections.records.event_store import EventStore
from projections.worker.runner import Retention, run_worker
from tests.support.installation import Installation
from tests.support.running_product import eventually


class Interrupted(WorkerEvents):
    """Finds the database unavailable the first time that the worker appends an event."""

    is_unavailable = True

    def record_recomputed(self, *arguments: Any) -> None:
        if self.is_unavailable:
            self.is_unavailable = False
            raise Unavailable("database_unavailable", "the database does not answer; try again")
        super().record_recomputed(*arguments)


def test_the_worker_waits_for_an_unavailable_log(installation: Installation) -> None:
    account = installation.account()
    wanted = [{"attribute": "name", "operator": "equals", "value": "Ana"}]
    installation.rollcall.segments.create(account, SegmentDraft("Anas", "", "dynamic", wanted))
    store, stop = EventStore(installation.url, "rollcall_worker", size=1), threading.Event()
    events = Interrupted(Log(store, installation.now))
    work = threading.Thread(
        target=run_worker, args=(installation.url, events, stop, Retention(30, published_only=False)), daemon=True
    )
    work.start()
    try:
        with installation.owner() as owner:
            eventually(lambda: owner.execute("SELECT serving IS NOT NULL FROM segments").fetchall() == [(True,)])
        assert not events.is_unavailable
    finally:
        stop.set()
        work.join(30)
        store.close()
