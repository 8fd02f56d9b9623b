"""The console as an application of its own, mounted at `/console` by `api.app`.

Every page stands in one list. What goes wrong becomes a page services, never a JSON problem. Pages are for people
who are signed in (`session.SignedIn`); a test fails where a route asks for nobody.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from api.console.account import attributes, health, keys, people, profile, sign_in
from api.console.campaigns import audiences, page
from api.console.campaigns import form as campaign_form
from api.console.campaigns import listing as campaigns
from api.console.members import changes, edit, upload
from api.console.members import listing as members
from api.console.segments import deletion, history, preview, why
from api.console.segments import form as segment_form
from api.console.segments import listing as segments
from api.console.web.csrf import Bounded, Protected
from api.console.web.passwords import Passwords
from api.console.web.rendering import PLACE, Pages, refusal
from api.console.web.session import SignInNeeded, sign_in_needed
from api.http.dependencies import Services
from api.http.problems import RequestError, status_of
from api.http.upload import AROUND
from domain.errors import RollcallError

# First come, first served: what has an address of its own stands before what is found by id.
ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    profile.router,
    people.router,
    segments.router,
    segment_form.router,
    preview.router,
    deletion.router,
    members.router,
    changes.router,
    upload.router,
    edit.router,
    why.router,
    history.router,
    health.router,
    campaigns.router,
    campaign_form.router,
    page.router,
    audiences.router,
    attributes.router,
    keys.router,
)


def create_console(context: Services) -> FastAPI:
    """The console over what `context` gives."""
    console = FastAPI(title="Rollcall console", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    console.state.context = context
    console.state.pages = Pages(context.version)
    console.state.passwords = Passwords()
    for router in ROUTERS:
        console.include_router(router)
    console.add_api_route("/", _home, include_in_schema=False)
    console.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    console.exception_handler(SignInNeeded)(sign_in_needed)
    console.exception_handler(RollcallError)(_ours)
    console.exception_handler(RequestError)(_request_error)
    console.exception_handler(RequestValidationError)(_parameters)
    console.exception_handler(HTTPException)(_framework)
    console.add_middleware(Bounded, form=context.max_body, upload=context.max_import + AROUND)
    console.add_middleware(Protected)
    return console


async def _home() -> Response:
    """The console opens on the segments."""
    return RedirectResponse(f"{PLACE}/segments", 303)


async def _ours(request: Request, error: RollcallError) -> Response:
    return refusal(request, status_of(error), error.detail, error)


async def _request_error(request: Request, error: RequestError) -> Response:
    return refusal(request, error.status, error.detail, headers=error.headers)


async def _parameters(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    return refusal(request, 400, f"The address is not right: {first['loc'][-1]}: {first['msg']}.")


async def _framework(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return refusal(request, 404, "There is no page at this address.")
    return refusal(request, error.status_code, str(error.detail), headers=dict(error.headers or {}))
