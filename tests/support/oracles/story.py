"""Joins and leaves a second time, beside `oracle`: the log replayed event by event, every customer evaluated each time.

An edit counts from its own position on, though it is served only later; what an edit that was never served
did to its members is shown to no reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.oracles.oracle import Values, holds


@dataclass
class Version:
    """One filter that a segment had, from `position` on: its members with instant and event of joining."""

    segment: Any
    position: int
    filter: Any
    members: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    history: list[tuple[int, int, datetime, bool, str]] = field(default_factory=list)
    until: int | None = None
    served: bool = False

    def flip(self, number: int, position: int, at: datetime, matches: bool, cause: str) -> None:
        if matches and number not in self.members:
            self.members[number] = (at, position)
            self.history.append((number, position, at, True, cause))
        elif not matches and number in self.members:
            del self.members[number]
            self.history.append((number, position, at, False, cause))


@dataclass
class Story:
    """The log of one account replayed event by event; a customer's number is the position of their first event."""

    types: Mapping[str, str]
    zone: ZoneInfo
    people: dict[int, Values] = field(default_factory=dict)
    serving: dict[Any, Version] = field(default_factory=dict)
    pending: dict[Any, Version] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    erased: set[int] = field(default_factory=set)

    def customer(self, number: int, position: int, at: datetime, values: Values | None) -> None:
        """A customer has these values from now on; `None`: is gone."""
        for version in [*self.serving.values(), *self.pending.values()]:
            matches = values is not None and holds(version.filter, self.types, values, self.zone)
            version.flip(number, position, at, matches, "deletion" if values is None else "change")
        if values is None:
            del self.people[number]
            self.erased.add(number)
        else:
            self.people[number] = values

    def filter(self, segment: Any, position: int, at: datetime, node: Any) -> None:
        """A segment has a new filter; it will be served later, and counts from now on."""
        version = Version(segment, position, node)
        if segment in self.serving:
            version.members = dict(self.serving[segment].members)
        for number, values in self.people.items():
            version.flip(number, position, at, holds(node, self.types, values, self.zone), "edit")
        self.pending[segment] = version
        self.versions.append(version)

    def recomputed(self, segment: Any, version_no: int) -> None:
        """The version is complete; served unless a newer edit came first."""
        version = self.pending.get(segment)
        if version is None or version.position != version_no:
            return
        if segment in self.serving:
            self.serving[segment].until = version_no
        version.served = True
        self.serving[segment] = self.pending.pop(segment)

    def deleted(self, segment: Any, position: int) -> None:
        """The segment is gone."""
        self.pending.pop(segment, None)
        if segment in self.serving:
            self.serving.pop(segment).until = position

    def history(self) -> list[tuple[int, int, int, datetime, bool, str]]:
        """Every join and leave that readers may see, with the version in front; none of erased customers."""
        return sorted(
            (version.position, *row)
            for version in self.versions
            if version.served
            for row in version.history
            if row[0] not in self.erased and (version.until is None or row[1] < version.until)
        )


def effective(recorded: Sequence[datetime]) -> list[datetime]:
    """The log's own time at each event: it never runs back."""
    return list(accumulate(recorded, max))
