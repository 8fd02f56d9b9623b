"""Reading one's own writes: reads that wait for a position, writes that wait to be seen.

A handler that waits is a generator: it yields what it waits for, and `api.http.route` goes on with it once that is
there, or the time is over. Meanwhile it holds neither a thread nor a database session.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Response

from api.http.dependencies import Services
from api.http.shares.places import Place
from api.http.shares.positions import Awaited
from api.http.shares.scans import Scan
from domain.commands.log import Saved
from domain.errors import Lagging, Refused, Unavailable
from projections.read import campaigns
from projections.read.campaigns import AudienceRow

POSITION_HEADER = "Rollcall-Position"
# How often a freezing audience is looked at.
LOOK_AGAIN = 0.02
Value = TypeVar("Value")
# What a handler, or a part of one, is that waits: it is sent whether what it yielded is there.
Waits = Generator[Awaited | Place, bool, Value]
WaitingAnswer = Waits[Response]


def wait_until_visible(
    services: Services, account_id: UUID, wanted: int, segment_id: UUID | None = None, *, at_most: float = math.inf
) -> Waits[None]:
    """After a write, wait until reads include it, at most `own_write_wait` or `at_most` seconds; then go on anyway.

    Also where the database does not answer: the write is stored, and no error may say otherwise.
    """
    services.reads.require(account_id, wanted)
    with suppress(Unavailable):
        yield Awaited(account_id, wanted, min(services.own_write_wait, at_most), segment_id)


def keep_pace(services: Services, account_id: UUID, position: int, paced: bool) -> Waits[bool]:
    """Between parts of a large write, wait until reads include the part before; `paced` is the answer to the last wait.

    At most two parts are ahead of the read models then, or other accounts' writes would wait behind them. Where the
    read models do not move, a request does not wait for them a second time. Returns whether they moved.
    """
    with suppress(Unavailable):
        return (yield Awaited(account_id, position, services.own_write_wait if paced else 0))
    return False


def wait_for_edit_place() -> Waits[None]:
    """Before a filter is stored, wait for a place among the account's edits; it is kept until the request is answered.

    Every edit makes the worker evaluate all customers of the account again.
    """
    yield Place("edits")


def wait_for_scan_place(scan: Scan | None = None) -> Waits[bool]:
    """As `wait_for_edit_place`, before every customer of the account is looked at. Returns whether it is alone.

    From here on `scan` is given up when the client goes away.
    """
    return (yield Place("scans", scan))


@contextmanager
def snapshot(services: Services, account_id: UUID) -> Iterator[tuple[Any, int]]:
    """Yields a transaction that sees one state of the account, and its position. Raises `Unavailable`."""
    with services.reads.snapshot(account_id) as state:
        yield state


def current_position(services: Services, account_id: UUID) -> int:
    """Returns the position of the read models. Raises `Unavailable`."""
    with snapshot(services, account_id) as (_, position):
        return position


def wait_until_counted(services: Services, account_id: UUID, frozen: Saved, seconds: float) -> Waits[AudienceRow]:
    """Returns a frozen audience once the log has its count.

    Raises `Lagging` after `seconds`: it will be there under its id; `Refused` (`needs_audience`) where the campaign or
    the last of its segments was deleted just before it was frozen.
    """
    deadline = time.monotonic() + seconds
    while True:
        with snapshot(services, account_id) as (connection, position):
            row = campaigns.audience(connection, account_id, frozen.id)
        if row is not None and row.counted:
            return row
        if row is None and position >= frozen.position:
            detail = "the campaign lost its audience meanwhile; read it, and freeze it under another Idempotency-Key"
            raise Refused("needs_audience", detail)
        if time.monotonic() > deadline:
            raise Lagging("projection_lag", f"the audience is being frozen; it will be at /v1/audiences/{frozen.id}")
        # Its count is an event of its own: the position moves.
        yield Awaited(account_id, position + 1, LOOK_AGAIN)
