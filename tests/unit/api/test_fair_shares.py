"""Limits of keys and accounts, turns, and media types: what `api.http.shares` and `api.http.parameters` decide."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest
from anyio import CapacityLimiter
from fastapi import Response
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.console.app import ROUTERS as CONSOLE_ROUTERS
from api.http.parameters import accepted_type
from api.http.problems import RequestError
from api.http.route import AccountRoute
from api.http.shares.buckets import Bucket
from api.http.shares.limits import LimitFigures, Limits, Share
from api.http.shares.prompt import PromptAnswers
from domain.errors import Unavailable
from tests.support.browser.own_loop import run_apart

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"


class Watch:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_every_router_of_accounts_takes_turns() -> None:
    routes = [route for router in (*ROUTERS, *CONSOLE_ROUTERS) for route in router.routes]
    other = {route.path for route in routes if isinstance(route, APIRoute) and not isinstance(route, AccountRoute)}
    assert other == {"/livez", "/readyz", "/metrics"}


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    watch = Watch()
    bucket = Bucket(10, 20, watch)
    assert [bucket.take() for _ in range(20)] == [0] * 20
    assert bucket.take() == pytest.approx(0.1)
    watch.seconds += 0.1
    assert (bucket.take(), bucket.take() > 0) == (0, True)
    watch.seconds += 100
    assert (bucket.remaining, bucket.is_full, bucket.window) == (20, True, 2)


def test_one_large_body_is_accepted_on_credit_and_the_next_waits_until_it_is_paid() -> None:
    watch = Watch()
    bucket = Bucket(10, 20, watch)
    assert bucket.take(50, on_credit=True) == 0
    assert bucket.take(1, on_credit=True) == pytest.approx(3.1)
    assert bucket.remaining == 0
    watch.seconds += 3.1
    assert bucket.take(1, on_credit=True) == 0
    assert bucket.take(0, on_credit=True) == 0


def test_a_key_and_its_account_have_limits_and_the_429_names_the_one_that_was_met() -> None:
    limits = Limits(LimitFigures(key_requests=2, account_requests=3))
    for _ in range(10):
        rate = limits.count_key("a", "one")
    assert rate.headers()["RateLimit-Policy"] == '"key";q=10;w=5'
    with pytest.raises(RequestError) as refused:
        limits.count_key("a", "one")
    assert (refused.value.status, refused.value.code) == (429, "too_many_requests")
    assert refused.value.headers["Retry-After"] == "1"
    assert re.fullmatch(r'"key";r=0;t=5', refused.value.headers["RateLimit"])
    for _ in range(4):
        limits.count_key("b", "one")
    with pytest.raises(RequestError, match="account"):
        limits.count_key("c", "one")
    limits.count_key("d", "another")
    limits.count_console("one")


def test_a_key_is_counted_before_the_database_is_asked_once_it_is_known() -> None:
    limits = Limits(LimitFigures(key_requests=1))
    assert limits.count_known(b"hash") is None
    limits.count_new_key(b"hash", "key", "account")
    for _ in range(4):
        assert limits.count_known(b"hash") is not None
    with pytest.raises(RequestError):
        limits.count_known(b"hash")


async def most_at_once(share: Share, requests: int) -> tuple[int, int]:
    """How many of so many requests had a turn at the same time, and how many were refused."""
    running = most = refused = 0

    async def work() -> None:
        nonlocal running, most, refused
        try:
            async with share.turn():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1
        except RequestError as error:
            refused += error.status == 429 and {"Retry-After", "RateLimit", "RateLimit-Policy"} <= error.headers.keys()

    await asyncio.gather(*(work() for _ in range(requests)))
    return most, refused


def test_an_account_alone_has_all_its_turns_and_half_of_them_beside_another() -> None:
    async def story() -> None:
        limits = Limits(LimitFigures(concurrent=4, queued=10))
        mine = limits.share_of("mine")
        assert await most_at_once(mine, 20) == (4, 6)
        async with limits.share_of("other").turn():
            pass
        assert await most_at_once(mine, 20) == (2, 8)
        assert await most_at_once(limits.share_of("mine", console=True), 1) == (1, 0)

    run_apart(story())


def test_a_request_that_goes_on_is_never_refused_and_one_that_is_given_up_leaves_no_turn_taken() -> None:
    async def story() -> None:
        share = Limits(LimitFigures(concurrent=1, queued=1)).share_of("mine")
        async with share.turn():
            waiting = [asyncio.create_task(most_at_once(share, 1)) for _ in range(2)]
            await asyncio.sleep(0)
            going_on = asyncio.create_task(go_on(share))
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
            assert not going_on.done()
        await going_on
        assert await waiting[1] == (0, 1)
        assert await most_at_once(share, 1) == (1, 0)
        assert share.is_idle

    async def go_on(share: Share) -> None:
        async with share.turn(continues=True):
            pass

    run_apart(story())


def test_streams_are_counted_by_account_and_in_all() -> None:
    limits = Limits(LimitFigures(streams=1, all_streams=2))
    mine, other, third = (limits.share_of(name) for name in ("mine", "other", "third"))
    with limits.stream_of(mine):
        with pytest.raises(RequestError), limits.stream_of(mine):
            pass
        with limits.stream_of(other), pytest.raises(Exception, match="too_many_streams"), limits.stream_of(third):
            pass
    with limits.stream_of(mine):
        pass


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/json, text/csv", JSON),
        ("text/csv, application/json", CSV),
        ("text/csv;q=0.5, application/json", JSON),
        ("application/json;q=0.5, application/x-ndjson;q=0.9, */*;q=0.1", NDJSON),
        ("application/json;q=0, */*", NDJSON),
        ("text/csv;q=0, */*", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("*/*;q=0", None),
        ("application/json;q=0", None),
        ("text/html", None),
        ("image/png, text/csv;q=0", None),
        ("application/*;q=0, text/csv;q=0.001", CSV),
        ("json", None),
    ],
)
def test_accept_names_the_type_of_the_answer(accept: str | None, expected: str | None) -> None:
    assert accepted_type(accept, [JSON, NDJSON, CSV]) == expected


def test_a_health_answer_that_takes_long_is_the_last_one_while_it_is_fresh_and_a_failure_replaces_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.http.shares.prompt.FRESH", 0.6)
    monkeypatch.setattr("api.http.shares.prompt.PATIENT", 0.05)
    slow = threading.Event()

    def one() -> Response:
        return Response("one")

    def hanging() -> Response:
        slow.wait(10)
        raise Unavailable("database_unavailable", "away")

    async def story() -> None:
        prompt = PromptAnswers(CapacityLimiter(2))
        assert (await prompt.answer("readyz", one)).body == b"one"
        began = time.monotonic()
        assert (await prompt.answer("readyz", hanging)).body == b"one"
        assert (await prompt.answer("readyz", hanging)).body == b"one"
        assert time.monotonic() - began < 0.5
        await asyncio.sleep(0.7)  # until the last one is too old, which is what is tested
        with pytest.raises(Unavailable, match="in time"):
            await prompt.answer("readyz", hanging)
        slow.set()
        with pytest.raises(Unavailable, match="away"):
            await prompt.answer("readyz", hanging)
        assert (await prompt.answer("readyz", one)).body == b"one"

    run_apart(story())
