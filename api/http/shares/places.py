"""Places for so many at once, and the problem 429 that says which limit of things at once was met.

Used by `api.http.shares.limits`, which holds the places of every account. Runs on the event loop.
"""

from __future__ import annotations

import asyncio
import math
from typing import Literal, NamedTuple

from api.http.problems import RequestError
from api.http.shares.scans import Scan


class Place(NamedTuple):
    """What a handler yields to have a place among the edits or the scans of its account.

    It is sent whether the account is the only one that is active: a scan may have all the processors then. `scan` is
    given up when the client goes away.
    """

    kind: Literal["edits", "scans"]
    scan: Scan | None = None


class Places:
    """So many at once, first come, first served. Raises `RequestError` (429) where too many wait, or one too long."""

    def __init__(self, policy: str, most: int, waiting: int, patience: float | None = None) -> None:
        self._policy, self._most, self._waiting, self._patience = policy, most, waiting, patience
        self._free = asyncio.Semaphore(most)
        self.taken = 0

    async def __aenter__(self) -> None:
        refused = refusal(self._policy, self._most, "concurrent-requests", "wait for answers first", 1)
        if self.taken >= self._most + self._waiting:
            raise refused
        self.taken += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            self.taken -= 1
            raise refused from None
        except BaseException:
            self.taken -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        self._free.release()
        self.taken -= 1


def refusal(policy: str, quota: int, unit: str, remedy: str, seconds: float) -> RequestError:
    """Returns the problem 429 of a limit of things at once."""
    return RequestError(
        429,
        "too_many_requests",
        f"at most {quota} of this account at once ({policy}); {remedy}",
        headers={
            "Retry-After": str(max(1, math.ceil(seconds))),
            "RateLimit-Policy": f'"{policy}";q={quota};qu="{unit}"',
            "RateLimit": f'"{policy}";r=0;t={max(1, math.ceil(seconds))}',
        },
    )
