"""For those who run it: `/livez`, `/readyz`, `/metrics`. Open, without customer data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NotRequired

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import TypedDict

from api.http.context import Context, Here
from api.http.shapes.openapi import open_answers
from domain import json_text
from domain.errors import Unavailable
from projections.read.position import InstallationStatus, installation_status, progress

router = APIRouter(tags=["operation"])
DATABASE_UP = ("rollcall_database_up", "Whether the database answered this scrape")
GAUGES: dict[tuple[str, str], Callable[[InstallationStatus], int]] = {
    ("rollcall_log_head", "Position of the last event in the log"): lambda found: found.head,
    ("rollcall_projection_position", "Position that the read models hold"): lambda found: found.position,
    ("rollcall_projection_lag_events", "Positions that the read models are behind"): (
        lambda found: found.head - found.position
    ),
    ("rollcall_segments_recomputing", "Segments whose new filter is being computed"): lambda found: found.recomputing,
    ("rollcall_segments_failed", "Segments that cannot be evaluated and keep their last good members"): (
        lambda found: found.failed
    ),
    ("rollcall_dead_letters", "Records set aside so far"): lambda found: found.dead_letters,
    ("rollcall_dead_letters_unpublished", "Of these, not yet on their dead-letter topic"): (
        lambda found: found.dead_letters_unpublished
    ),
}


class Health(TypedDict):
    """The state of the process, and how far the read models are behind the log."""

    status: str
    position: NotRequired[int]
    head: NotRequired[int]


@router.get(
    "/livez",
    operation_id="live",
    response_model=Health,
    responses=open_answers({200: ("The process answers.", {"status": "live"})}),
)
async def live() -> Response:
    """Whether the process lives; asks nothing of the database."""
    return Response(json_text.dumps({"status": "live"}), media_type="application/json")


@router.get(
    "/readyz",
    operation_id="ready",
    response_model=Health,
    responses=open_answers({200: ("Requests can be answered.", {"status": "ready", "position": 8812, "head": 8812})}),
)
def ready(here: Here) -> Response:
    """Whether requests can be answered: the database is there and migrated."""
    position, head = progress(here.database)
    return Response(
        json_text.dumps({"status": "ready", "position": position, "head": head}), media_type="application/json"
    )


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(here: Here) -> Response:
    """Metrics of every process of this installation, in Prometheus' text format."""
    registry = REGISTRY
    if here.metrics_folder is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(here.metrics_folder))  # type: ignore[no-untyped-call]
    asked_now = CollectorRegistry()
    asked_now.register(_Standing(here))
    return Response(generate_latest(registry) + generate_latest(asked_now), media_type=CONTENT_TYPE_LATEST)


class _Standing(Collector):
    """What the database knows at the moment of the scrape. While it is away, only that it is."""

    def __init__(self, here: Context) -> None:
        self._here = here

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            found = installation_status(self._here.database)
        except Unavailable:
            yield GaugeMetricFamily(*DATABASE_UP, value=0)
            return
        yield GaugeMetricFamily(*DATABASE_UP, value=1)
        waited = 0.0
        if found.waiting_since is not None:
            waited = max(0.0, (self._here.rollcall.now() - found.waiting_since).total_seconds())
        yield GaugeMetricFamily(
            "rollcall_projection_lag_seconds", "Age of the oldest event that the read models lack", value=waited
        )
        for (name, meaning), read in GAUGES.items():
            yield GaugeMetricFamily(name, meaning, value=read(found))
