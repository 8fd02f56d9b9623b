"""The console as an application of its own, mounted at `/console` by `api.app`.

Every page stands in one list. What goes wrong becomes a page here, never a JSON problem. Pages are for people
who are signed in (`session.SignedIn`); a test fails where a route asks for nobody.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from api.console import (
    attributes,
    audiences,
    campaign_form,
    campaign_page,
    campaigns,
    customer_edit,
    health,
    history,
    import_upload,
    keys,
    member_changes,
    members,
    people,
    segment_deletion,
    segment_form,
    segment_matches,
    segments,
    sign_in,
    why,
    you,
)
from api.console.passwords import Passwords
from api.console.protection import Bounded, Protected
from api.console.rendering import PLACE, Pages, refusal
from api.console.session import SignInNeeded, sign_in_needed
from api.context import Context
from api.problems import RequestError, status_of
from api.upload import AROUND
from domain.errors import RollcallError

# First come, first served: what has an address of its own stands before what is found by id.
ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    you.router,
    people.router,
    segments.router,
    segment_form.router,
    segment_matches.router,
    segment_deletion.router,
    members.router,
    member_changes.router,
    import_upload.router,
    customer_edit.router,
    why.router,
    history.router,
    health.router,
    campaigns.router,
    campaign_form.router,
    campaign_page.router,
    audiences.router,
    attributes.router,
    keys.router,
)


def create_console(context: Context) -> FastAPI:
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
