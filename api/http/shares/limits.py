"""The limits of an API process, per key and per account, and the problem 429 that says which one was met.

`Services.limits` holds the one `Limits` of a process. `api.http.access` and the console's sessions count requests,
`api.http.route` takes a turn for each piece of work, `api.http.lists.streams` counts streams, `api.v1.bulk` lines. A
process knows only its own requests: with several processes behind a load balancer each has these limits.
An account's API and its console have shares of their own, so that a program never locks out the people.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from anyio import CapacityLimiter

from api.http.problems import RequestError
from api.http.shares.buckets import Bucket, Recent
from api.http.shares.places import Places, refusal
from domain.errors import Unavailable

MOST_SHARES = 10_000
MOST_FAILURES = 1_000
# How long after its last request an account still counts as active.
ACTIVE_SECONDS = 2.0
# How many requests are worked on at once over all accounts; each may need one session of each of the two pools.
WORK_THREADS = 12
# How many more reads that look at every customer may wait: each may take seconds.
WAITING_SCANS = 8
# How many requests of SDKs are in work at once, and how many more may wait for that, before their bodies are read, and
# for how many seconds. SDKs that meet a limit lose what they sent after a few repeats, or after 10 seconds of waiting.
SENDERS, WAITING_SENDERS, SENDER_PATIENCE = 32, 1_000, 5.0
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class LimitFigures:
    """The figures that deployments set; requests and lines are per second.

    `concurrent` is how many requests of an account are worked on at once, half as many while other accounts ask too;
    `queued` how many more may wait for their turn, `waiting` how many may wait for `min_position`, `edits` how many
    filters are stored and waited for at once, `scans` how many reads look at every customer of the account at once.
    """

    key_requests: float = 1_000
    account_requests: float = 2_000
    console_requests: float = 100
    lines: float = 5_000
    burst_lines: float = 500_000
    concurrent: int = 4
    queued: int = 64
    waiting: int = 250
    edits: int = 2
    scans: int = 1
    streams: int = 2
    all_streams: int = 8
    stream_seconds: float = 30


class Rate(NamedTuple):
    """The state of a bucket for the headers of an answer."""

    policy: str
    bucket: Bucket
    unit: str = ""

    def headers(self) -> dict[str, str]:
        """Returns `RateLimit` and `RateLimit-Policy` as structured fields."""
        bucket = self.bucket
        left = bucket.remaining
        refill = math.ceil((bucket.burst - left) / bucket.rate)
        unit = f';qu="{self.unit}"' if self.unit else ""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={int(bucket.burst)}{unit};w={bucket.window}',
            "RateLimit": f'"{self.policy}";r={left};t={refill}',
        }


class Share:
    """What one account has of the process, by its API or by its console."""

    def __init__(self, figures: LimitFigures, requests: float, is_alone: Callable[[Share], bool]) -> None:
        self.figures = figures
        self.requests = Bucket(requests)
        self.lines = Bucket(figures.lines, figures.burst_lines)
        self.streams = 0
        self.places = {
            "edits": Places("edits", figures.edits, figures.queued),
            "scans": Places("scans", figures.scans, WAITING_SCANS),
            "senders": Places("senders", SENDERS, WAITING_SENDERS, SENDER_PATIENCE),
        }
        self._is_alone = is_alone
        self._running = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether a new share would be the same."""
        taken = any(each.taken for each in self.places.values())
        busy = self._running or self._queue or self._waiting or self.streams or taken
        return not busy and self.requests.is_full and self.lines.is_full

    @property
    def is_alone(self) -> bool:
        """Whether no other share is active."""
        return self._is_alone(self)

    @asynccontextmanager
    async def turn(self, *, continues: bool = False) -> AsyncIterator[None]:
        """A turn to work. Raises `RequestError` (429) where too many wait for one.

        A request that `continues` may have stored something already: it is never refused.
        """
        if not continues:
            self.require_room(waits=False)
        mine = asyncio.get_running_loop().create_future()
        self._queue.append(mine)
        self._grant()
        try:
            await mine
            yield
        finally:
            if mine.done() and not mine.cancelled():
                self._running -= 1
            self._grant()

    def require_room(self, *, waits: bool) -> None:
        """Raises `RequestError` (429) where a request could not wait for its position, or else for its turn."""
        figures = self.figures
        if waits and self._waiting >= figures.waiting:
            raise refusal("waiting", figures.waiting, "concurrent-requests", "fewer at once may wait", 1)
        if not waits and len(self._queue) >= figures.queued:
            raise refusal("concurrent", figures.concurrent, "concurrent-requests", "wait for answers first", 1)

    def _grant(self) -> None:
        """Give turns to those that wait, first come, first served."""
        figures = self.figures
        while self._queue and self._running < (
            figures.concurrent if self.is_alone else max(1, figures.concurrent // 2)
        ):
            first = self._queue.popleft()
            if not first.done():
                self._running += 1
                first.set_result(None)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """A place among those that wait for `min_position`. Raises `RequestError` (429) where too many do."""
        self.require_room(waits=True)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


class Limits:
    """The shares of every account that is active, and the threads that work is done in."""

    def __init__(self, figures: LimitFigures | None = None) -> None:
        self.figures = figures or LimitFigures()
        self._shares: OrderedDict[tuple[str, str], Share] = OrderedDict()
        self.failed_sign_ins = Recent(MOST_FAILURES)
        self._active: OrderedDict[Share, float] = OrderedDict()
        self._keys: OrderedDict[str, Bucket] = OrderedDict()
        self._accounts: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
        self._stream_lock = threading.Lock()
        self._streams = 0
        # Work, streams, waiting and the health endpoints have threads of their own: none waits for another's.
        self.work_threads = CapacityLimiter(WORK_THREADS)
        self.stream_threads = CapacityLimiter(4)
        self.position_thread = CapacityLimiter(1)
        self.health_threads = CapacityLimiter(2)

    def share_of(self, account: str, *, console: bool = False) -> Share:
        """Returns the share of an account's API, or of its console; of all requests without account for ''."""
        requests = self.figures.console_requests if console else self.figures.account_requests
        key = ("console" if console else "api", account)
        return _kept(
            self._shares, key, lambda: Share(self.figures, requests, self._is_alone), lambda share: share.is_idle
        )

    def _is_alone(self, share: Share) -> bool:
        now = time.monotonic()
        self._active[share] = now
        self._active.move_to_end(share)
        while next(iter(self._active.values())) < now - ACTIVE_SECONDS:
            self._active.popitem(last=False)
        return len(self._active) == 1

    def count_key(self, key_id: str, account: str) -> Rate:
        """Counts a request with a key. Returns the tighter of its two limits. Raises `RequestError` (429)."""
        key = _kept(self._keys, key_id, lambda: Bucket(self.figures.key_requests), lambda bucket: bucket.is_full)
        by_account = self.share_of(account).requests
        _take(Rate("account", by_account))
        _take(Rate("key", key))
        return Rate("key", key) if key.remaining <= by_account.remaining else Rate("account", by_account)

    def count_new_key(self, secret_sha256: bytes, key_id: str, account: str) -> Rate:
        """As `count_key`, and remembers whose key it is, for `count_known`; that decides nothing about rights."""
        self._accounts[secret_sha256] = (key_id, account)
        while len(self._accounts) > MOST_SHARES:
            self._accounts.popitem(last=False)
        return self.count_key(key_id, account)

    def count_known(self, secret_sha256: bytes, *, waits: bool = False, queues: bool = False) -> Rate | None:
        """As `count_key`, before the database is asked; `None` for a key that this process has not seen.

        Refuses what could not be worked on or `waits` in vain for its position, too, while that costs little; not what
        `queues` for its place among the senders.
        """
        known = self._accounts.get(secret_sha256)
        if known is None:
            return None
        rate = self.count_key(*known)
        if not queues:
            self.share_of(known[1]).require_room(waits=waits)
        return rate

    def share_of_key(self, secret_sha256: bytes) -> Share | None:
        """Returns the share of the account whose key it was when last seen; that decides nothing about rights."""
        known = self._accounts.get(secret_sha256)
        return None if known is None else self.share_of(known[1])

    @asynccontextmanager
    async def sender_of(self, secret_sha256: bytes) -> AsyncIterator[None]:
        """A place among the senders of a key's account, or among those of all keys that this process has not seen.

        Raises `RequestError` (429).
        """
        _, account = self._accounts.get(secret_sha256, ("", ""))
        async with self.share_of(account).places["senders"]:
            yield

    def count_console(self, account: str) -> None:
        """Counts a request of a person. Raises `RequestError` (429)."""
        _take(Rate("console", self.share_of(account, console=True).requests))

    @contextmanager
    def stream_of(self, share: Share) -> Iterator[None]:
        """A stream of a share; it may end in another thread. Raises `RequestError` (429)."""
        figures = self.figures
        with self._stream_lock:
            if share.streams >= figures.streams:
                raise refusal("streams", figures.streams, "concurrent-requests", "read one to its end first", 1)
            if self._streams >= figures.all_streams:
                raise Unavailable("too_many_streams", "other accounts read all the streams there are; try again")
            share.streams, self._streams = share.streams + 1, self._streams + 1
        try:
            yield
        finally:
            with self._stream_lock:
                share.streams, self._streams = share.streams - 1, self._streams - 1

    def count_lines(self, account: str, lines: int) -> None:
        """Counts the lines of a body before any is stored. Raises `RequestError` (429)."""
        _take(Rate("lines", self.share_of(account).lines, "lines"), lines, on_credit=True)


def _take(rate: Rate, tokens: float = 1, *, on_credit: bool = False) -> None:
    seconds = rate.bucket.take(tokens, on_credit=on_credit)
    if seconds > 0:
        what = rate.unit or "requests"
        raise RequestError(
            429,
            "too_many_requests",
            f"more than {rate.bucket.rate:g} {what} a second ({rate.policy}); send more slowly",
            headers={"Retry-After": str(max(1, math.ceil(seconds))), **rate.headers()},
        )


def _kept(
    kept: OrderedDict[tuple[str, str], Kept] | OrderedDict[str, Kept],
    key: object,
    make: Callable[[], Kept],
    is_idle: Callable[[Kept], bool],
) -> Kept:
    """Returns the entry of a key, made where there is none; the entries unused for longest go where they are idle."""
    entries: OrderedDict[object, Kept] = kept  # type: ignore[assignment]
    entry = entries.get(key)
    if entry is None:
        entry = entries.setdefault(key, make())
        for _ in range(2):
            oldest, other = next(iter(entries.items()))
            if len(entries) <= MOST_SHARES or not is_idle(other):
                break
            entries.pop(oldest, None)
    return entry
