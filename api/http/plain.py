"""The short way of plain reads, which ask for one thing by its path and for nothing else; added by `api.app`.

A shop asks at each page view in which segments a customer is: what the framework does for every request costs more than
such an answer. A route is plain where its handler takes only the services, a reader, texts of the path, a page and
fields; a request is plain where it has no query, accepts JSON, and has a key that this process has seen. It is answered
in one go, in one thread. Limits, turns, rights, handlers and problems are those of all requests; the others go the long
way.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from anyio import to_thread
from fastapi import Request, Response
from fastapi.security import SecurityScopes
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.access import Caller, Reader, caller_of, count_key
from api.http.dependencies import Services, ServicesDep
from api.http.lists.fields import CustomerFields, all_of_customer
from api.http.paging import Page, first_page
from api.http.parameters import TEXT_PATTERN, CustomerText, PathId
from api.http.problems import RequestError, answer_to
from api.http.route import AccountRoute
from domain.errors import RollcallError

JSON = "application/json"
READS = SecurityScopes(["read"])
# As `HTTPBearer` of `api.http.access`, and the texts of a path as `api.http.parameters`, where both are as usual.
_BEARER = re.compile(r"bearer ([!-~]+)", re.IGNORECASE)
_TEXT = re.compile(TEXT_PATTERN)
MOST_TEXT = 512
# A value of a handler's parameter, from the services, the caller, and the path whole and in parts.
Value = Callable[[Services, Caller, str, Mapping[str, str]], Any]


class PlainRoute(NamedTuple):
    """A route of which reads may be plain, and how its handler is called."""

    route: AccountRoute
    values: Mapping[str, Value]


class PlainReads:
    """The ASGI application `inner`, and the short way beside it; `routes` in the order in which `inner` tries them."""

    def __init__(self, inner: ASGIApp, services: Services, routes: Iterable[BaseRoute]) -> None:
        self.inner = inner
        self._services = services
        self._routes: dict[str, list[tuple[re.Pattern[str], PlainRoute | None]]] = defaultdict(list)
        for route in routes:
            if isinstance(route, Route) and "GET" in (route.methods or ()):
                self._routes[_beginning(route.path)].append((route.path_regex, plain_route(route)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            route, texts = self._route_of(scope["path"])
            if route is not None and (response := await self._answer(route, texts, Request(scope))) is not None:
                await response(scope, receive, send)
                return
        await self.inner(scope, receive, send)

    def _route_of(self, path: str) -> tuple[PlainRoute | None, dict[str, str]]:
        """Returns the plain route of a path, with the texts in it; `None` where the first that matches is not plain."""
        for pattern, route in self._routes.get(_beginning(path), ()):
            if matched := pattern.match(path):
                texts = matched.groupdict()
                usual = all(len(each) <= MOST_TEXT and _TEXT.match(each) for each in texts.values())
                return (route if usual else None), texts
        return None, {}

    async def _answer(self, plain: PlainRoute, texts: Mapping[str, str], request: Request) -> Response | None:
        """Returns the answer to a read; `None` where it is not plain after all."""
        key = _BEARER.fullmatch(request.headers.get("authorization", ""))
        if key is None or request.headers.get("accept", "*/*") not in ("*/*", JSON):
            return None
        request.scope["route"] = plain.route
        try:
            secret = count_key(request, self._services, key[1])
            share = self._services.limits.share_of_key(secret)
            if share is None:
                return None
            async with share.turn():
                work = partial(self._work, plain, texts, request, secret)
                response = await to_thread.run_sync(work, limiter=self._services.limits.work_threads)
        except (RollcallError, RequestError) as error:
            return await answer_to(request, error)
        response.headers.update(request.state.rate.headers())
        return response

    def _work(self, plain: PlainRoute, texts: Mapping[str, str], request: Request, secret: bytes) -> Response:
        caller = caller_of(request, self._services, secret, READS)
        path = request.scope["path"]
        values = {name: value(self._services, caller, path, texts) for name, value in plain.values.items()}
        response: Response = plain.route.handler(**values)
        return response


def plain_route(route: Route) -> PlainRoute | None:
    """Returns a route of which reads may be plain; `None` where its handler takes more, waits, or streams."""
    if not isinstance(route, AccountRoute) or JSON not in route.offered or inspect.isgeneratorfunction(route.handler):
        return None
    values: dict[str, Value] = {}
    for name, parameter in inspect.signature(route.handler, eval_str=True).parameters.items():
        value = _value(name, parameter.annotation)
        if value is None:
            return None
        values[name] = value
    return PlainRoute(route, values)


def _value(name: str, annotation: Any) -> Value | None:
    if annotation is ServicesDep:
        return lambda services, _caller, _path, _texts: services
    if annotation is Reader:
        return lambda _services, caller, _path, _texts: caller
    if annotation is CustomerText or annotation is PathId:
        return lambda _services, _caller, _path, texts: texts[name]
    if annotation is CustomerFields:
        return lambda _services, caller, _path, _texts: all_of_customer(caller.account_id)
    if annotation is Page:
        return lambda services, caller, path, _texts: first_page(services, caller, path)
    return None


def _beginning(path: str) -> str:
    """Returns the first two parts of a path, such as `/v1/customers`, which decide about most routes."""
    return "/".join(path.split("/", 3)[:3])
