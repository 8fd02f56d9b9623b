"""Every error as RFC 9457 `application/problem+json`, with `code` and `message` for client libraries.

The errors of `domain.errors` and of the framework become problems only here. A problem's `type`
points into the OpenAPI document, which has `KINDS` as `x-problems`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple, NotRequired

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.routing import Route
from typing_extensions import TypedDict

from domain import json_text
from domain.errors import (
    FieldError,
    Invalid,
    Lagging,
    NotFound,
    Refused,
    RollcallError,
    StaleVersion,
    Unavailable,
)
from domain.texts.language import said

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "1"
REFUSAL_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds
REFUSED_PER_SECOND = 10
log = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """A type of problem: its name, and what it means to the caller."""

    name: str
    title: str
    remedy: str


KINDS: dict[int, Kind] = {
    400: Kind("bad-request", said("The request cannot be read"), "Correct the syntax that `detail` names."),
    401: Kind("unauthorized", said("No valid API key"), "Send `Authorization: Bearer <api key>`."),
    403: Kind("forbidden", said("The API key may not do this"), "Use a key of another kind."),
    404: Kind("not-found", said("Not found in this account"), "Check the id and the key's account."),
    405: Kind("method-not-allowed", said("The address has other methods"), "Use one of those in `Allow`."),
    406: Kind("not-acceptable", said("No answer of that type"), "Accept one of the types that `detail` names."),
    408: Kind("request-timeout", said("The request did not come in time"), "Send it again, without pauses."),
    409: Kind("conflict", said("A rule forbids it in the current state"), "Change what `detail` names first."),
    410: Kind("gone", said("What was requested is no longer kept"), "Start again as `detail` says."),
    412: Kind("stale-version", said("It was changed since it was read"), "Read it again, then decide."),
    413: Kind("too-large", said("The body is too large"), "Send less at a time."),
    415: Kind(
        "unsupported-media-type", said("The body is of another type"), "Set the `Content-Type` that `detail` names."
    ),
    422: Kind("invalid", said("The request says something that cannot be stored"), "Correct the places in `errors`."),
    429: Kind("too-many-requests", said("The key or account sends too much"), "Repeat after `Retry-After` seconds."),
    500: Kind("internal-error", said("An error of ours"), "Report the `X-Request-Id`."),
    503: Kind("unavailable", said("Not able to answer now"), "Repeat after `Retry-After` seconds; nothing was stored."),
    504: Kind("projection-lag", said("The read models are behind"), "Repeat later, or without `min_position`."),
}


class FieldProblem(TypedDict):
    """One mistake: where it is, which kind it is, and how to fix it."""

    pointer: Annotated[str, Field(description="JSON pointer into the body, or /query/…, /path/…, /header/…")]
    code: str
    detail: str


class Problem(TypedDict):
    """RFC 9457, with `code` for programs and `message` for client libraries that read it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    errors: list[FieldProblem]
    current_version: NotRequired[Annotated[int, Field(description="At 412: the version there is now.")]]
    checks: NotRequired[Annotated[dict[str, str], Field(description="At 503 of `/readyz`: each check that failed.")]]
    next_after: NotRequired[Annotated[int, Field(description="At 410: from where changes can be followed again.")]]


class RequestError(Exception):
    """A request that is wrong as HTTP, before any rule of the product is checked."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = [] if pointer is None else [FieldError(pointer, code, detail)]
        self.headers = dict(headers or {})
        self.more = more


def problem(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Returns a problem as a response."""
    kind = KINDS.get(status)
    body: Problem = {
        "type": f"/openapi.json#/components/x-problems/{kind.name}" if kind else "about:blank",
        "title": kind.title if kind else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "message": detail,
        "errors": [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in errors],
    }
    return Response(json_text.dumps({**body, **more}), status, dict(headers or {}), MEDIA_TYPE)


def status_of(error: RollcallError) -> int:
    """Returns the HTTP status of one of our errors."""
    match error:
        case Invalid(code="malformed_json"):
            return 400
        case Invalid():
            return 422
        case NotFound():
            return 404
        case Refused():
            return 409
        case StaleVersion():
            return 412
        case Unavailable():
            return 503
        case Lagging():
            return 504
    return 500


def retry_after(status: int) -> dict[str, str]:
    """Returns the header that says when to repeat a request, for a status that means so."""
    return {"Retry-After": RETRY_AFTER} if status in (503, 504) else {}


def of_error(error: RollcallError) -> Response:
    """Returns one of our errors as a response."""
    status = status_of(error)
    if status == 500:
        log.error("request_failed", error=error.code, exc_info=error)
        return internal()
    headers = retry_after(status)
    more = {"current_version": error.current} if isinstance(error, StaleVersion) else {}
    return problem(status, error.code, error.detail, error.errors, headers=headers, **more)


def internal() -> Response:
    """Returns the response to a bug of ours, which reveals only the request's id."""
    return problem(500, "internal_error", "an unexpected error; it is in the log under this request's X-Request-Id")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.state.refused = Counter()
    app.exception_handler(RollcallError)(answer_to)
    app.exception_handler(RequestError)(answer_to)
    app.exception_handler(RequestValidationError)(_parameters)
    app.exception_handler(HTTPException)(_framework)


async def answer_to(request: Request, error: RollcallError | RequestError) -> Response:
    """Returns the response to a request that met one of our errors; a refusal of too many takes its time."""
    if isinstance(error, RollcallError):
        return of_error(error)
    if error.status == 429:
        # Clients that repeat at once are slowed, the more of them there are, so that refusing them costs little.
        refused: Counter[str] = request.app.state.refused
        policy = error.headers.get("RateLimit-Policy", "")
        refused[policy] += 1
        try:
            await asyncio.sleep(min(LONGEST_PAUSE, max(REFUSAL_PAUSE, refused[policy] / REFUSED_PER_SECOND)))
        finally:
            refused[policy] -= 1
    return problem(error.status, error.code, error.detail, error.errors, headers=error.headers, **error.more)


async def _parameters(_: Request, error: RequestValidationError) -> Response:
    errors = [FieldError(pointer_of(each["loc"]), "invalid_parameter", str(each["msg"])) for each in error.errors()]
    return problem(422, "invalid_parameter", f"{errors[0].pointer}: {errors[0].detail}", errors)


async def _framework(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return problem(404, "unknown_address", f"nothing is at {request.url.path}; see /openapi.json")
    if error.status_code == 405:
        allowed = ", ".join(methods_at(request))
        return problem(405, "method_not_allowed", f"use one of {allowed}", headers={"Allow": allowed})
    return problem(error.status_code, "bad_request", str(error.detail), headers=error.headers)


def methods_at(request: Request) -> list[str]:
    """Returns the methods of the routes at a request's path."""
    methods: set[str] = set()
    for route in request.app.state.routes:
        if isinstance(route, Route) and route.path_regex.match(request.scope["path"]):
            methods |= route.methods or set()
    return sorted(methods)


def pointer_of(steps: Sequence[int | str]) -> str:
    """Returns the JSON pointer of a place from the steps to it."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
