"""The console as an application of its own, mounted at `/console` by `api.app`.

`ROUTERS` lists every page. Errors are shown as pages, never as JSON. Pages are for signed-in users
(`web.session.SignedIn`); a test fails for a route that does not require one.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from api.console import account, campaigns, customers, members, overview, segment_list, segments, webhooks
from api.console.filters import pickers
from api.console.web.body_limit import BodyLimit
from api.console.web.csrf import CsrfProtection
from api.console.web.error_pages import error_page
from api.console.web.passwords import Passwords
from api.console.web.rendering import Pages
from api.console.web.session import HOME_PATH, SignInNeeded, sign_in_needed
from api.http.dependencies import Services, provide_services
from api.http.problems import RequestError, retry_after, status_of
from api.http.upload import AROUND
from domain.errors import RollcallError
from domain.texts.language import said

# The first route that matches answers, so fixed paths (`/segments/new`) come before paths with an id.
ROUTERS: tuple[APIRouter, ...] = (
    account.sign_in.router,
    account.profile.router,
    account.people.router,
    overview.page.router,
    segment_list.listing.router,
    segment_list.selected.router,
    segment_list.labels.router,
    segments.names.router,
    segments.copies.router,
    segments.creation.router,
    segments.edit.router,
    segments.preview.router,
    pickers.router,
    segments.deletion.router,
    members.listing.router,
    members.changes.router,
    members.csv_import.router,
    members.emptying.router,
    members.export.router,
    members.job_progress.router,
    members.past_imports.router,
    members.selected.router,
    members.customer_edit.router,
    customers.listing.router,
    customers.export.router,
    customers.erasure.router,
    customers.page.router,
    segments.why.router,
    segments.history.router,
    segments.versions.router,
    account.health.router,
    campaigns.listing.router,
    campaigns.form.router,
    campaigns.page.router,
    campaigns.overlap.router,
    campaigns.audiences.router,
    campaigns.comparison.router,
    account.computed_attributes.router,
    account.attributes.router,
    account.keys.router,
    webhooks.listing.router,
    webhooks.form.router,
    webhooks.page.router,
    webhooks.actions.router,
)


def create_console(services: Services) -> FastAPI:
    """Returns the console application with these services."""
    console = FastAPI(title="Rollcall console", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    provide_services(console, services)
    console.state.pages = Pages(services.version)
    console.state.passwords = Passwords()
    for router in ROUTERS:
        console.include_router(router)
    console.add_api_route("/", _home, include_in_schema=False)
    console.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    console.exception_handler(SignInNeeded)(sign_in_needed)
    console.exception_handler(RollcallError)(_rollcall_error)
    console.exception_handler(RequestError)(_request_error)
    console.exception_handler(RequestValidationError)(_invalid_parameters)
    console.exception_handler(HTTPException)(_framework_error)
    console.add_middleware(BodyLimit, form=services.max_body, upload=services.max_import + AROUND)
    console.add_middleware(CsrfProtection)
    return console


async def _home() -> Response:
    """The console opens on the overview."""
    return RedirectResponse(HOME_PATH, 303)


async def _rollcall_error(request: Request, error: RollcallError) -> Response:
    status = status_of(error)
    # Without the place of the first mistake, which says something to programs.
    detail = error.errors[0].detail if error.errors else error.detail
    return error_page(request, status, detail, error, headers=retry_after(status))


async def _request_error(request: Request, error: RequestError) -> Response:
    return error_page(request, error.status, error.detail, headers=error.headers)


async def _invalid_parameters(request: Request, error: RequestValidationError) -> Response:
    name = error.errors()[0]["loc"][-1]
    return error_page(request, 400, said("The address is not valid: %(name)s cannot be that.", name=str(name)))


async def _framework_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return error_page(request, 404, said("There is no page at this address."))
    return error_page(request, error.status_code, str(error.detail), headers=dict(error.headers or {}))
