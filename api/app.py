"""The HTTP application. `deploy.roles.api` calls `create_app`; every router of `/v1` is in one list."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import FileResponse, RedirectResponse

from api import health
from api.console.app import create_console
from api.console.paths import CONSOLE_PATH
from api.docs.app import create_docs
from api.http import problems
from api.http.compression import CompressedApp
from api.http.dependencies import Services, provide_services
from api.http.instrumentation import InstrumentedApp
from api.http.plain import PlainReads
from api.http.shapes import openapi
from api.ingest import events, received, sdk
from api.ingest.cross_origin import CrossOrigin
from api.v1 import (
    attributes,
    audiences,
    bulk,
    campaigns,
    changes,
    customers,
    dead_letters,
    explanations,
    history,
    imports,
    jobs,
    keys,
    members,
    overview,
    preview,
    recipients,
    segments,
    webhooks,
)
from api.v1.behaviour import activities, activity_types, retention
from api.v1.segment_list import copies, labels, versions

ROUTERS: tuple[APIRouter, ...] = (
    keys.router,
    attributes.router,
    activity_types.router,
    bulk.router,
    customers.router,
    activities.router,
    retention.router,
    preview.router,
    members.router,
    history.router,
    explanations.router,
    imports.router,
    *jobs.routers,
    segments.router,
    overview.router,
    *audiences.routers,
    labels.router,
    versions.router,
    copies.router,
    campaigns.router,
    recipients.router,
    changes.router,
    dead_letters.router,
    sdk.router,
    events.router,
    received.router,
    *webhooks.routers,
    health.router,
)


def create_app(services: Services, documents: Path) -> FastAPI:
    """Return the application that answers with what `services` gives and serves the Markdown files of `documents`."""
    app = FastAPI(
        title="Rollcall", version=services.version, docs_url=None, redoc_url=None, redirect_slashes=False,
        # Logs and metrics are those of `api.http.instrumentation`.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    provide_services(app, services)
    for router in ROUTERS:
        app.include_router(router)
    app.state.routes = (*app.routes, *(route for router in ROUTERS for route in router.routes))
    app.add_api_route(CONSOLE_PATH, _console, include_in_schema=False)
    console = create_console(services)
    app.mount(CONSOLE_PATH, console)
    app.state.pages = console.state.pages
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.mount("/docs", create_docs(documents))
    app.add_api_route("/", _console, include_in_schema=False)
    app.add_api_route("/asyncapi.yaml", _asyncapi, include_in_schema=False)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(CrossOrigin, paths=sdk.PATHS)
    app.add_middleware(PlainReads, services=services, routes=app.state.routes)
    app.add_middleware(CompressedApp, pages=f"{CONSOLE_PATH}/", public=f"{CONSOLE_PATH}/static/")
    app.add_middleware(InstrumentedApp)
    return app


async def _console() -> Response:
    """Send a browser that opens the bare address, or the console's without the slash, to the console."""
    return RedirectResponse(f"{CONSOLE_PATH}/", 307)


async def _asyncapi() -> Response:
    """The AsyncAPI document, which describes the Kafka topics."""
    return FileResponse(Path(__file__).with_name("asyncapi.yaml"), media_type="application/yaml")


async def _docs() -> Response:
    """Send a browser to the first document; its links are relative to the slash."""
    return RedirectResponse("/docs/", 307)
