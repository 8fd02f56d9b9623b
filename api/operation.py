"""For those who run it: `/livez`, `/readyz`, `/metrics`. Open, without customer data."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.context import Here
from api.documents import open_answers
from api.shapes import Health
from domain import json_text
from projections.read.position import progress

router = APIRouter(tags=["operation"])


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
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
