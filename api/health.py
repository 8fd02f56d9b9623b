"""Endpoints for operators: `/livez`, `/readyz`, `/metrics`. Open, without customer data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import NotRequired

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import TypedDict

from api.http.dependencies import Services, ServicesDep
from api.http.problems import RETRY_AFTER, problem
from api.http.shapes.openapi import open_answers
from api.readiness import KafkaReport, check_readiness
from domain import json_text
from domain.errors import Unavailable
from projections.read.position import InstallationStatus, installation_status, shard_lags

router = APIRouter(tags=["operation"])
# Seconds: monitoring asks seldom and waits for ten, and the figures are needed most while everything is slow.
SCRAPE_PATIENCE = 5.0
DATABASE_UP = ("rollcall_database_up", "Whether the database answered this scrape")
LAG_SECONDS = ("rollcall_projection_lag_seconds", "Age of the oldest event that the read models lack")
SHARD_LAG = (
    "rollcall_shard_lag_events",
    "Positions that a shard is behind, but for accounts whose own backlog is projected beside the others",
)
DATA_FREE = ("rollcall_data_free_bytes", "Free bytes of the file system of the embedded database")
GAUGES: dict[tuple[str, str], Callable[[InstallationStatus], int]] = {
    ("rollcall_log_head", "Position of the last event in the log"): lambda status: status.head,
    ("rollcall_projection_position", "Position of the read models"): lambda status: status.position,
    ("rollcall_projection_lag_events", "Positions that the read models are behind"): (
        lambda status: status.head - status.position
    ),
    ("rollcall_segments_recomputing", "Segments whose new filter is being computed"): lambda status: status.recomputing,
    ("rollcall_segments_failed", "Segments that cannot be evaluated and keep their last good members"): (
        lambda status: status.failed
    ),
    ("rollcall_dead_letters", "Records set aside so far"): lambda status: status.dead_letters,
    ("rollcall_dead_letters_unpublished", "Of these, not yet on their dead-letter topic"): (
        lambda status: status.dead_letters_unpublished
    ),
}


class Health(TypedDict):
    """The state of the process, and how far the read models are behind the log."""

    status: str
    position: NotRequired[int]
    head: NotRequired[int]
    kafka: NotRequired[KafkaReport]


@router.get(
    "/livez",
    operation_id="live",
    response_model=Health,
    responses=open_answers({200: ("The process answers.", {"status": "live"})}),
)
async def live() -> Response:
    """Say that the process is alive, without asking the database."""
    return Response(json_text.dumps({"status": "live"}), media_type="application/json")


@router.get(
    "/readyz",
    operation_id="ready",
    response_model=Health,
    responses=open_answers({200: ("Requests can be answered.", {"status": "ready", "position": 8812, "head": 8812})}),
)
async def ready(services: ServicesDep) -> Response:
    """Say that requests can be answered: the database can be written, and the read models are not far behind.

    Otherwise 503; `checks` says for each check that failed why. `kafka` says what the processes that use it wait for,
    which does not keep this one from answering, and what each topic is doing.
    """
    return await services.prompt.answer("readyz", partial(_readiness, services))


def _readiness(services: Services) -> Response:
    report = check_readiness(services.quick_database, services.rollcall.now(), services.ready_lag, services.replica)
    if report.failed:
        code, detail = next(iter(report.failed.values()))
        checks = {name: detail for name, (_, detail) in report.failed.items()}
        return problem(503, code, detail, headers={"Retry-After": RETRY_AFTER}, checks=checks)
    health: Health = {"status": "ready", "position": report.position, "head": report.head}
    if report.kafka is not None:
        health["kafka"] = report.kafka
    return Response(json_text.dumps(health), media_type="application/json")


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses=open_answers({})
    | {200: {"description": "Prometheus metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesDep) -> Response:
    """Metrics of every process of this installation, in Prometheus' text format."""
    return await services.prompt.answer("metrics", partial(_metrics, services), within=SCRAPE_PATIENCE)


def _metrics(services: Services) -> Response:
    registry = REGISTRY
    if services.metrics_folder is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(services.metrics_folder))  # type: ignore[no-untyped-call]
    from_database = CollectorRegistry()
    from_database.register(_DatabaseCollector(services))
    return Response(generate_latest(registry) + generate_latest(from_database), media_type=CONTENT_TYPE_LATEST)


class _DatabaseCollector(Collector):
    """Gauges read from the database at the moment of the scrape; while it is unavailable, only that it is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self._services.data_folder is not None:
            free = shutil.disk_usage(self._services.data_folder).free
            yield GaugeMetricFamily(*DATA_FREE, value=free)
        try:
            status = installation_status(self._services.quick_database)
            lags = shard_lags(self._services.quick_database)
        except Unavailable:
            yield GaugeMetricFamily(*DATABASE_UP, value=0)
            return
        yield GaugeMetricFamily(*DATABASE_UP, value=1)
        lag = 0.0
        if status.waiting_since is not None:
            lag = max(0.0, (self._services.rollcall.now() - status.waiting_since).total_seconds())
        yield GaugeMetricFamily(*LAG_SECONDS, value=lag)
        for (name, meaning), read in GAUGES.items():
            yield GaugeMetricFamily(name, meaning, value=read(status))
        by_shard = GaugeMetricFamily(*SHARD_LAG, labels=["shard"])
        for shard, behind in lags.items():
            by_shard.add_metric([str(shard)], behind)
        yield by_shard
