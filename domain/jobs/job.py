"""A job: what is to be done to which customers, and how it is counted. Pure; `domain.commands.jobs` does it.

Each customer of a job ends in exactly one class of `JobCounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from domain.values import BadValue, Value, fold, normalise

# Add to a static segment, remove from it; give a list attribute a value, take it away.
JobAction = Literal["add", "remove", "tag", "untag"]
# Before the name of the segment from which customers were copied.
COPY_SOURCE = "segment:"
# Customers in a part: as many as an event of members may hold.
PART = 1_000


class JobTask(NamedTuple):
    """What to do to each customer: with a segment, or with a value of a list attribute. `by` is who asked for it.

    The `value` of a job that fills a copy of a segment is its source, as `StaticMembersAdded` has it.
    """

    job_id: UUID
    action: JobAction
    segment_id: UUID | None = None
    attribute: str | None = None
    value: str | None = None
    by: str | None = None


class NewJob(NamedTuple):
    """A job that is to be stored: for the customers that `wanted` says, or those of a change that it `takes_back`."""

    task: JobTask
    at: datetime
    wanted: bytes | None = None
    takes_back: UUID | None = None


class Reversal(NamedTuple):
    """What takes a static change back: the opposite action, and the change, whose customers it is for."""

    change_id: UUID
    action: JobAction
    segment_id: UUID


class JobPart(NamedTuple):
    """Some customers of a job, each once; the first part is 0."""

    number: int
    customer_ids: Sequence[UUID]
    is_last: bool


@dataclass(frozen=True, slots=True)
class JobCounts:
    """What became of how many customers: each is in exactly one class.

    `unchanged` were as wanted before; `not_found` do not exist any more; `refused` could not hold one value more.
    """

    changed: int = 0
    unchanged: int = 0
    not_found: int = 0
    refused: int = 0

    @property
    def customers(self) -> int:
        """All of them."""
        return sum(getattr(self, each.name) for each in fields(self))


class JobStep(NamedTuple):
    """What a part adds to its job, stored in the transaction of its events."""

    job_id: UUID
    part: int
    counts: JobCounts
    is_last: bool
    at: datetime


def list_with(members: Sequence[str], value: str) -> Value | BadValue | None:
    """The list with a value in it, in normal form; the list as it is where it has the value, however written."""
    if any(fold(each) == fold(value) for each in members):
        return tuple(members)
    return normalise("list", [*members, value])


def list_without(members: Sequence[str], value: str) -> Value | BadValue | None:
    """The list without a value, however written, in normal form."""
    kept = [each for each in members if fold(each) != fold(value)]
    return normalise("list", kept) if len(kept) < len(members) else tuple(members)
