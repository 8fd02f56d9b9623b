"""What the worker keeps of each account in memory: attribute types, segments, and the flip index.

Loaded from the read model's tables at every start and after every failed batch, so it is never more than a cache
of committed rows plus the batch at hand.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

from domain import json_text
from domain.customer import BUILT_IN
from domain.errors import Invalid
from domain.filters.conditions import Node, parse
from domain.filters.nesting import Reference, inline_segments, segments_named
from domain.instants import Days
from domain.phones import phone_reader
from domain.values import AttributeType
from projections.matching.flip_index import FlipIndex
from projections.matching.time_index import TimeIndex
from projections.model.date_values import Due
from projections.postgres.database import beside

SQL = beside(__file__)


@dataclass(slots=True)
class Build:
    """A filter version being filled: customers up to `built_to` are in, as of position `version_no`."""

    version_no: int
    previous: int | None
    began_at: int
    node: Node
    built_to: int = 0
    complete: bool = False


@dataclass(slots=True)
class Freezing:
    """An audience being copied as of position `audience_no`: members up to `copied_to` are in it.

    `touched` are the numbers of the customers that the events at hand change before the copy has reached them.
    """

    audience_no: int
    included: list[int]
    left_out: list[int]
    copied_to: int = 0
    touched: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Passing:
    """Time that passes for an account `until` an instant, at log position `position`, a step at a time.

    Customers up to `customer_no` have reached `passed_to`, the end of a window that begins where the account's time
    has passed to. Instants are microseconds since 1970.
    """

    until: int
    position: int
    passed_to: int
    customer_no: int = 0
    # Memory of this process: how many customer numbers a step looks at, how many steps there were, where customers may
    # flip in the window, and each version's filter in SQL before and when it ends.
    width: int = 50_000
    steps: int = 0
    due: Due | None = None
    predicates: dict[int, dict[str, sql.SQL]] = field(default_factory=dict)


@dataclass(slots=True)
class SegmentState:
    """A segment's two versions: the one readers see, and the one being built beside it."""

    account_id: UUID
    segment_no: int
    segment_id: UUID
    name: str
    type: Literal["static", "dynamic"]
    filter: Any = None
    serving: int | None = None
    build: Build | None = None
    # The newest version, in whatever state.
    latest: int = 0


@dataclass(slots=True)
class AccountState:
    """One account: types and country decide how values compare, the index decides which segments a change concerns."""

    account_id: UUID
    days: Days
    country: str
    time_passed_to: int = 0
    passing: Passing | None = None
    types: dict[str, AttributeType] = field(default_factory=lambda: dict(BUILT_IN))
    segments: dict[UUID, SegmentState] = field(default_factory=dict)
    nodes: dict[int, Node] = field(default_factory=dict)
    index: FlipIndex = field(default_factory=FlipIndex)
    time: TimeIndex = field(default_factory=TimeIndex)
    builds: dict[int, Build] = field(default_factory=dict)
    freezing: dict[UUID, Freezing] = field(default_factory=dict)
    # Whether a copied audience may be without counts in the log; true until the worker has looked.
    has_uncounted_audience: bool = True
    filters_changed: bool = True
    # The next instant at which something may flip (`None`: not computed), and up to when nothing was due.
    due_at: int | None = None
    idle_to: int = 0
    _at: int | None = None

    def set_time(self, at: int) -> None:
        """Let the index answer as of an instant, in microseconds since 1970, from here on."""
        if at != self._at:
            self.index.set_moment(self.days.moment(at))
            self._at = at

    @property
    def is_filling(self) -> bool:
        """Whether a version is being filled, or an audience copied."""
        return bool(self.freezing) or not all(build.complete for build in self.builds.values())

    def reached(self, customer_no: int) -> int:
        """The instant up to which time has passed for a customer as far as no event touched them."""
        passing = self.passing
        return passing.passed_to if passing and customer_no <= passing.customer_no else self.time_passed_to

    def parse(self, raw: Any) -> Node:
        """The tree of a version's filter. Raises `Invalid` where this release of Rollcall cannot read it."""
        return parse(raw, self.types, read_phone=phone_reader(self.country), segments=self._reference, stored=True)

    def written_out(self, raw: Any, segment_id: UUID) -> Any:
        """A segment's filter with those of the segments that it names, as they are now. Raises `Invalid`."""
        return inline_segments(raw, self._reference, (str(segment_id),))

    def _reference(self, segment_id: str) -> Reference | None:
        try:
            segment = self.segments.get(UUID(segment_id))
        except ValueError:
            return None
        return None if segment is None else Reference(segment.name, segment.type, segment.filter)

    def outdated(self) -> list[tuple[SegmentState, int]]:
        """The segments that name, at any depth, one whose filter is newer than theirs, with its version.

        A named segment comes before those that name it. Looks again only after a filter changed. Segments in a cycle,
        which the log of an earlier release may hold, would be outdated permanently: they fail, until an edit.
        """
        if not self.filters_changed:
            return []
        found: dict[UUID, tuple[SegmentState, int]] = {}
        cyclic: set[UUID] = set()

        def newest(segment: SegmentState, path: frozenset[UUID]) -> int:
            inner = 0
            for each in sorted(segments_named(segment.filter)):
                named = self.segments.get(UUID(each))
                if named is None:
                    continue
                if named.segment_id in path:
                    cyclic.update(path)
                else:
                    inner = max(inner, newest(named, path | {named.segment_id}))
            if inner > segment.latest:
                found.setdefault(segment.segment_id, (segment, inner))
            return max(inner, segment.latest)

        for segment in self.segments.values():
            if segment.filter:
                newest(segment, frozenset([segment.segment_id]))
        outdated = [pair for segment_id, pair in found.items() if segment_id not in cyclic]
        self.filters_changed = bool(outdated)
        return outdated

    def start_evaluating(self, version_no: int, node: Node) -> None:
        """Let changes and time flip the members of a filter version from here on."""
        self.nodes[version_no] = node
        self.index.add(version_no, node)
        self.time.add(version_no, node)
        self.due_at = None

    def stop_evaluating(self, version_no: int | None) -> None:
        """Stop evaluating a filter version; none, or one that is not evaluated, changes nothing."""
        if version_no is not None and self.nodes.pop(version_no, None) is not None:
            self.index.remove(version_no)
            self.time.remove(version_no)
            self.due_at = None
            if self.passing is not None:
                self.passing.due = None


class Broken(NamedTuple):
    """A segment whose stored filter this release of Rollcall cannot read."""

    account: AccountState
    segment: SegmentState
    reason: str


def load_accounts(connection: Connection[Any], shards: Set[int]) -> tuple[dict[UUID, AccountState], list[Broken]]:
    """The accounts of shards with their types, segments and index, from the read model; and the broken segments."""
    accounts: dict[UUID, AccountState] = {}
    of_shards = {"shards": list(shards)}
    for account_id, timezone, country, time_passed_to, *passing in connection.execute(SQL.accounts, of_shards):
        account = accounts[account_id] = AccountState(account_id, Days(ZoneInfo(timezone)), country, time_passed_to)
        account.passing = None if passing[0] is None else Passing(*passing)
    broken: list[Broken] = []
    for account_id, key, kind in connection.execute(SQL.attributes, of_shards):
        accounts[account_id].types[key] = kind
    for row in connection.execute(SQL.segments, of_shards):
        account_id, segment_no, segment_id, name, kind, raw, serving, latest = row
        accounts[account_id].segments[segment_id] = SegmentState(
            account_id,
            segment_no,
            segment_id,
            name,
            kind,
            filter=None if raw is None else json_text.loads(raw),
            serving=serving,
            latest=latest,
        )
    for row in connection.execute(SQL.evaluated_versions, of_shards):
        account_id, segment_id, version_no, raw, state, previous, began_at, built_to = row
        account = accounts[account_id]
        segment = account.segments[segment_id]
        try:
            node = account.parse(json_text.loads(raw))
        except Invalid as unreadable:
            broken.append(Broken(account, segment, str(unreadable)))
            continue
        account.start_evaluating(version_no, node)
        if state == "building":
            segment.build = account.builds[version_no] = Build(version_no, previous, began_at, node, built_to)
    for account_id, audience_id, *audience in connection.execute(SQL.freezing, of_shards):
        accounts[account_id].freezing[audience_id] = Freezing(*audience)
    return accounts, broken
