"""The route of every endpoint that works for an account: it takes turns, and waits without holding a thread.

A router is made with `route_class=AccountRoute`; a test fails for one that is not. What is then true of its handlers:
they run in threads, a few at once for each account (see `api.http.shares.limits`); a handler that is a generator
waits where it yields (see `api.http.read_your_writes`); every GET below `/v1` accepts `min_position`; below `/v1` an
`Accept` that the route cannot answer is refused.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated, Any, NamedTuple, cast

from anyio import to_thread
from fastapi import Query, Request, Response
from fastapi.routing import APIRoute

from api.http.dependencies import Services
from api.http.parameters import accepted_type, parse_uuid
from api.http.problems import RequestError
from api.http.read_your_writes import Waits
from api.http.shares.limits import Share
from api.http.shares.places import Place
from api.http.shares.positions import Awaited
from api.http.shares.scans import Scan
from domain.errors import Lagging, RollcallError

# More events than can be stored and projected while a request waits: it need not wait for them.
OUT_OF_REACH = 1_000_000
MAX_POSITION = 2**63 - 1
MinPosition = Annotated[int | None, Query(ge=0, le=MAX_POSITION, include_in_schema=False)]
IN_TURN = "_rollcall_in_turn"


class AccountRoute(APIRoute):
    """A route whose handler runs in turn; `handler` is what was given, `offered` the media types of its answers."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        is_api = path.startswith("/v1/")
        waits_for_position = is_api and "GET" in (options.get("methods") or ["GET"])
        self.handler = endpoint
        self.offered = _offered(options.get("responses") or {}) if is_api else ()
        handler = _in_turn(endpoint, self.offered, waits_for_position=waits_for_position)
        super().__init__(path, handler, **options)


def _offered(responses: Mapping[int | str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns the media types of a route's successes, as its documentation names them."""
    contents = [each.get("content", {}) for status, each in responses.items() if str(status).startswith("2")]
    return tuple(dict.fromkeys(media_type for content in contents for media_type in content))


class _Finished(NamedTuple):
    """What a generator returned."""

    value: Any


def _in_turn(endpoint: Callable[..., Any], offered: Sequence[str], *, waits_for_position: bool) -> Callable[..., Any]:
    """Returns the handler as a coroutine function, with the same parameters and those that this module needs."""
    if inspect.iscoroutinefunction(endpoint) or hasattr(endpoint, IN_TURN):
        return endpoint
    signature = inspect.signature(endpoint, eval_str=True)
    own = list(signature.parameters.values())
    asks = next((each.name for each in own if each.annotation is Request), None)
    added = [] if asks else [inspect.Parameter("its_request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    if waits_for_position:
        added.append(
            inspect.Parameter("min_position", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=MinPosition)
        )

    async def run_in_turn(**values: Any) -> Any:
        request: Request = values[asks] if asks else values.pop("its_request")
        services: Services = request.app.state.services
        share = _share_of(request, services)
        if offered:
            request.state.accepted = _accepted(request, offered)
        if waits_for_position and (wanted := values.pop("min_position")) is not None:
            await _wait_for_position(request, services, share, wanted)
        answer = await _run(partial(endpoint, **values), services, share, request)
        if isinstance(answer, Response) and (rate := getattr(request.state, "rate", None)) is not None:
            answer.headers.update(rate.headers())
        return answer

    # Not `functools.wraps`: FastAPI would look through it, and take a generator for a stream.
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(run_in_turn, name, getattr(endpoint, name))
    returns = Response if inspect.isgeneratorfunction(endpoint) else signature.return_annotation
    run_in_turn.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *added],
        return_annotation=returns,
    )
    setattr(run_in_turn, IN_TURN, True)
    return run_in_turn


def _accepted(request: Request, offered: Sequence[str]) -> str:
    """Returns the media type of the answer. Raises `RequestError` (406)."""
    accepted = accepted_type(request.headers.get("accept"), offered)
    if accepted is None:
        raise RequestError(
            406, "not_acceptable", f"this address answers {', '.join(offered)}", pointer="/header/Accept"
        )
    return accepted


def _share_of(request: Request, services: Services) -> Share:
    account = getattr(request.state, "account", "")
    return services.limits.share_of(account, console=hasattr(request.state, "user"))


async def _wait_for_position(request: Request, services: Services, share: Share, wanted: int) -> None:
    """Raises `Lagging` where the read models do not include a position, and the filter as of then of a segment."""
    account_id = request.state.account_id
    segment_id = parse_uuid(request.path_params.get("segment_id", ""))
    async with share.waiting():
        head = await services.positions.head() if wanted > OUT_OF_REACH else wanted
        in_reach = wanted <= head + OUT_OF_REACH
        awaited = Awaited(account_id, wanted, services.lag_wait, segment_id)
        if not in_reach or not await services.positions.includes(awaited):
            raise Lagging("projection_lag", f"position {wanted} is not yet included; ask again")


async def _run(handler: Callable[[], Any], services: Services, share: Share, request: Request) -> Any:
    """Runs a handler in turn. Each time that a generator yields, its turn and thread are free until it goes on."""
    threads = services.limits.work_threads
    async with AsyncExitStack() as held:
        async with share.turn():
            outcome = await to_thread.run_sync(_first_step, handler, limiter=threads)
        while isinstance(outcome, _Suspended):
            try:
                if isinstance(outcome.awaited, Place):
                    if outcome.awaited.scan is not None:
                        held.callback(asyncio.create_task(_watch(request, outcome.awaited.scan)).cancel)
                    await held.enter_async_context(share.places[outcome.awaited.kind])
                    seen = share.is_alone
                else:
                    seen = await services.positions.includes(outcome.awaited)
            except (RollcallError, RequestError) as failure:
                step = partial(outcome.generator.throw, failure)
            else:
                step = partial(outcome.generator.send, seen)
            async with share.turn(continues=True):
                outcome = await to_thread.run_sync(_step, outcome.generator, step, limiter=threads)
        return outcome.value


async def _watch(request: Request, scan: Scan) -> None:
    """Gives a scan up when the client has gone. The body was read before: nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
    await to_thread.run_sync(scan.give_up)


class _Suspended(NamedTuple):
    """A generator that waits."""

    generator: Waits[Any]
    awaited: Awaited | Place


def _first_step(handler: Callable[[], Any]) -> _Suspended | _Finished:
    answer = handler()
    if not inspect.isgenerator(answer):
        return _Finished(answer)
    generator = cast("Waits[Any]", answer)
    return _step(generator, partial(next, generator))


def _step(generator: Waits[Any], step: Callable[[], Awaited | Place]) -> _Suspended | _Finished:
    try:
        return _Suspended(generator, step())
    except StopIteration as finished:
        return _Finished(finished.value)
