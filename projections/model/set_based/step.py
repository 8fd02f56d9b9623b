"""What a step of time works on, and how the flips that it wrote in SQL are counted and published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from psycopg import Connection

from domain.errors import Corrupt
from projections.matching.due import Due
from projections.model.account_state import AccountState, Passing
from projections.model.membership import MembershipBatch
from projections.model.segment_list import sizes
from projections.postgres.arrays import column
from projections.postgres.row_writes import RowWrites


class Step(NamedTuple):
    """What a step works on: an account, how far its time has passed, and where its customers may flip."""

    connection: Connection[Any]
    account: AccountState
    passing: Passing
    due: Due
    flips: MembershipBatch


class Written(NamedTuple):
    """Flips that were written, in the order of each customer's in a version, and how many members were taken out."""

    gone: int
    numbers: list[int]
    versions: list[int]
    joined: list[bool]
    instants: list[int]


def publish(step: Step, written: Written) -> None:
    """Count flips, and append them to the change stream. Raises `Corrupt` where other members left than were there."""
    _, numbers, versions, joined, instants = written
    first_is_leave = _leaving_first(zip(versions, numbers, joined, strict=True))
    if written.gone != first_is_leave:
        raise Corrupt("rows_differ", f"{first_is_leave} members leave, {written.gone} were there")
    count = len(joined)
    step.flips.joins += sum(joined)
    step.flips.leaves += count - sum(joined)
    if count:
        columns: list[list[Any]] = [
            numbers, versions, [step.passing.position] * count, instants, joined, ["time"] * count,
            [step.account.account_id] * count,
        ]  # fmt: skip
        writes = RowWrites()
        sizes.add_flips(writes, zip(*columns, strict=True))
        step.flips.changes.append_flips(writes, [column(each) for each in columns])
        writes.execute(step.connection)


def _leaving_first(flips: Iterable[tuple[int, int, bool]]) -> int:
    """How many customers leave a version with their first flip in it."""
    seen: set[tuple[int, int]] = set()
    count = 0
    for version, number, joined in flips:
        if (version, number) not in seen:
            seen.add((version, number))
            count += not joined
    return count
