"""Reading one's own writes: reads that wait for a position, writes that wait to be seen.

The position of the read models is read every few milliseconds, each time in a transaction of its own: a waiting
request holds a thread, never a connection.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from api.http.dependencies import Services
from domain.commands.log import Saved
from domain.errors import Lagging, Refused
from projections.read import campaigns, segments
from projections.read.campaigns import AudienceRow
from projections.read.position import has_reached, progress

SHORTEST, LONGEST = 0.005, 0.020
POSITION_HEADER = "Rollcall-Position"
# More events than can be stored and projected while a request waits: it need not wait for them.
OUT_OF_REACH = 1_000_000
MAX_POSITION = 2**63 - 1

MinPosition = Annotated[
    int | None,
    Query(ge=0, le=MAX_POSITION, include_in_schema=False),
]


def wait_for_position(
    services: Services, account_id: UUID, wanted: int, seconds: float, segment_id: UUID | None = None
) -> bool:
    """Returns whether the read models include `wanted` within `seconds`; with a segment, also its filter as of then."""
    deadline = time.monotonic() + seconds
    pause = SHORTEST
    while not has_reached(services.database, account_id, wanted, segment_id):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST)
    return True


def wait_until_visible(services: Services, account_id: UUID, wanted: int, segment_id: UUID | None = None) -> None:
    """After a write, wait until reads include it, at most `own_write_wait` seconds; then answer anyway."""
    wait_for_position(services, account_id, wanted, services.own_write_wait, segment_id)


@contextmanager
def snapshot(
    services: Services, account_id: UUID, min_position: int | None = None, segment_id: UUID | None = None
) -> Iterator[tuple[Any, int]]:
    """Yields a transaction that sees one state of the account, and its position. Raises `Lagging`.

    That state includes `min_position` and, with a segment, its filter as of then.
    """
    if min_position is not None:
        head = progress(services.database)[1] if min_position > OUT_OF_REACH else min_position
        in_reach = min_position <= head + OUT_OF_REACH
        if not in_reach or not wait_for_position(services, account_id, min_position, services.lag_wait, segment_id):
            raise Lagging("projection_lag", f"position {min_position} is not yet included; ask again")
    with services.database.snapshot(account_id) as state:
        yield state


def current_position(services: Services, account_id: UUID, min_position: int | None = None) -> int:
    """Returns the position of the read models, which includes `min_position`. Raises `Lagging`."""
    with snapshot(services, account_id, min_position) as (_, position):
        return position


def wait_until_counted(services: Services, account_id: UUID, frozen: Saved, seconds: float) -> AudienceRow:
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
        time.sleep(LONGEST)


def names_of_referring_segments(services: Services, account_id: UUID, segment_id: UUID, position: int) -> Sequence[str]:
    """Returns the names of the segments whose filters name one, as of a position or later. Raises `Lagging`."""
    with snapshot(services, account_id, position) as (connection, _):
        return segments.names_referring_to(connection, account_id, segment_id)
