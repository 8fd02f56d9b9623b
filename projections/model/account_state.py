"""What the worker keeps of each account in memory: attribute types, segments, and the flip index.

Loaded from the read model's tables at every start and after every failed batch, so it is never more than a cache
of committed rows plus the batch at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from domain.customer import BUILT_IN
from domain.errors import Invalid
from domain.filters import nesting
from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.reading import Behaviour
from domain.filters.conditions import Node, measures_of
from domain.filters.parsing import parse
from domain.instants import Days
from domain.phones import phone_reader
from domain.values import AttributeType
from projections.matching.due import Due, DueByFacts
from projections.matching.flip_index import FlipIndex
from projections.matching.questions import Questions
from projections.matching.time_index import TimeIndex
from projections.model.attributes.asked import ComputedState, MeasureState, Removal, Retention
from projections.model.attributes.counts import AttributeCounts


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
    # flip in the window, who has facts that are due, and each version's filter in SQL before and when it ends.
    width: int = 50_000
    steps: int = 0
    due: Due | None = None
    customers: DueByFacts | None = None
    held: dict[tuple[int, ...], dict[str, sql.SQL]] = field(default_factory=dict)


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
    # The measures for which it waits: its newest version is built once they are complete.
    waits_for: frozenset[str] = frozenset()


@dataclass(slots=True)
class AccountState:
    """One account: types and country decide how values compare, the index decides which segments a change concerns."""

    account_id: UUID
    days: Days
    country: str
    time_passed_to: int = 0
    passing: Passing | None = None
    types: dict[str, AttributeType] = field(default_factory=lambda: dict(BUILT_IN))
    counts: AttributeCounts = field(default_factory=AttributeCounts)
    # The types of the properties of each activity, and what filters ask about them, by key and by activity.
    activities: dict[str, dict[str, AttributeType]] = field(default_factory=dict)
    measures: dict[str, MeasureState] = field(default_factory=dict)
    measures_of: dict[str, list[MeasureState]] = field(default_factory=dict)
    computed: dict[str, ComputedState] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    removal: Removal = field(default_factory=Removal)
    # Keys of those that this release of Rollcall cannot read.
    unreadable: list[str] = field(default_factory=list)
    # Since which position the newest of these is asked.
    asked_to: int = 0
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
    # Before this instant it is not asked again whether something is due: time has just passed. Nor before time has
    # passed up to `asked_until`, which the log says already.
    rests_until: int = 0
    asked_until: int = 0
    _at: int | None = None
    _questions: Questions | None = None

    def set_time(self, at: int) -> None:
        """Let the index answer as of an instant, in microseconds since 1970, from here on."""
        if at != self._at:
            self.index.set_moment(self.days.moment(at))
            self._at = at

    def note_event(self, at: int) -> None:
        """What an event at an instant changes may be due after it, though nothing was when that was looked for."""
        if at < self.idle_to:
            self.idle_to, self.due_at = at, None

    @property
    def is_filling(self) -> bool:
        """Whether a version or a measure is being filled, or an audience copied."""
        return (
            bool(self.freezing)
            or not all(build.complete for build in self.builds.values())
            or not all(state.is_filled for state in self.measures.values())
        )

    @property
    def moves_with_time(self) -> bool:
        """Whether something can flip, or an amount change, as time passes."""
        return bool(self.time or self.measures)

    @property
    def questions(self) -> Questions:
        """What the versions that are evaluated ask of behaviour."""
        if self._questions is None:
            measures = {key: state.measure for key, state in self.measures.items()}
            filling = [build.node for build in self.builds.values()]
            filling += [self.nodes[each.previous] for each in self.builds.values() if each.previous in self.nodes]
            self._questions = Questions(measures, self.nodes.values(), filling)
        return self._questions

    def add_measure(self, state: MeasureState) -> None:
        """Keep what filters ask of behaviour from here on."""
        self.measures[state.measure.key] = state
        self.measures_of.setdefault(state.measure.activity, []).append(state)
        self.asked_to = max(self.asked_to, state.since)
        self._questions = None

    def remove_measures(self, keys: Iterable[str]) -> None:
        """Keep some measures no longer."""
        self._questions = None
        for key in keys:
            state = self.measures.pop(key)
            left = [each for each in self.measures_of.pop(state.measure.activity) if each is not state]
            if left:
                self.measures_of[state.measure.activity] = left

    def reached(self, customer_no: int) -> int:
        """The instant up to which time has passed for a customer as far as no event touched them."""
        passing = self.passing
        return passing.passed_to if passing and customer_no <= passing.customer_no else self.time_passed_to

    def parse(self, raw: Any) -> Node:
        """The tree of a version's filter. Raises `Invalid` where this release of Rollcall cannot read it."""
        return parse(
            raw,
            self.types,
            Behaviour(self.activities),
            read_phone=phone_reader(self.country),
            segments=self._reference,
            stored=True,
        )

    def parse_measure(self, definition: Any) -> Measure:
        """A measure of its stored form. Raises `Invalid` where this release of Rollcall cannot read it."""
        (measure,) = measures_of(self.parse(definition | {"operator": "is_set"})).values()
        return measure

    def load_measure(self, key: str, definition: Any, stored: Iterable[Any]) -> None:
        """Keep a measure of its stored form; one that this release reads in another way, or not at all, is left out."""
        try:
            measure = self.parse_measure(definition)
        except (Invalid, ValueError, TypeError):
            self.unreadable.append(key)
            return
        if measure.key == key:
            self.add_measure(MeasureState(measure, *stored))
        else:
            self.unreadable.append(key)

    def require_measures(self, node: Node) -> None:
        """Raises `Invalid` where what a stored filter asks of behaviour is not known."""
        if any(key not in self.measures for key in measures_of(node)):
            detail = "what it asks of behaviour was stored by another release; save the filter again"
            raise Invalid.at("/filter", "unreadable_measure", detail)

    def written_out(self, raw: Any, segment_id: UUID) -> Any:
        """A segment's filter with what it names as that is now: filters of segments, definitions of attributes.

        Raises `Invalid`.
        """
        definitions = {key: state.measure.definition for key, state in self.computed.items()}
        whole = nesting.inline_computed(nesting.inline_segments(raw, self._reference, (str(segment_id),)), definitions)
        return whole if self.retention.days is None else nesting.keep(whole, self.retention.days)

    def _reference(self, segment_id: str) -> nesting.Reference | None:
        try:
            segment = self.segments.get(UUID(segment_id))
        except ValueError:
            return None
        return None if segment is None else nesting.Reference(segment.name, segment.type, segment.filter)

    def outdated(self) -> list[tuple[SegmentState, int]]:
        """The segments that name, at any depth, a segment or a computed attribute that is newer than they are.

        Or that ask of behaviour since before its retention. With the position of that filter, definition or retention.
        Also those that waited for measures which are complete now, with their own newest version. A named segment comes
        before those that name it. Looks again only after a filter changed. Segments in a cycle, which the log of an
        earlier release may hold, would be outdated permanently: they fail, until an edit.
        """
        if not self.filters_changed:
            return []
        found: dict[UUID, tuple[SegmentState, int]] = {}
        cyclic: set[UUID] = set()

        def newest(segment: SegmentState, path: frozenset[UUID]) -> int:
            named = nesting.attributes_named(segment.filter)
            inner = max((self.computed[key].since for key in named if key in self.computed), default=0)
            if nesting.asks_behaviour(segment.filter):
                inner = max(inner, self.retention.since)
            for each in sorted(nesting.segments_named(segment.filter)):
                other = self.segments.get(UUID(each))
                if other is None:
                    continue
                if other.segment_id in path:
                    cyclic.update(path)
                else:
                    inner = max(inner, newest(other, path | {other.segment_id}))
            if inner > segment.latest:
                found.setdefault(segment.segment_id, (segment, inner))
            return max(inner, segment.latest)

        for segment in self.segments.values():
            if segment.filter:
                newest(segment, frozenset([segment.segment_id]))
            if segment.waits_for and all(self.measures[key].complete for key in segment.waits_for):
                found.setdefault(segment.segment_id, (segment, segment.latest))
        outdated = [pair for segment_id, pair in found.items() if segment_id not in cyclic]
        self.filters_changed = bool(outdated)
        return outdated

    def start_evaluating(self, version_no: int, node: Node) -> None:
        """Let changes and time flip the members of a filter version from here on."""
        self._questions = None
        self.nodes[version_no] = node
        self.index.add(version_no, node)
        self.time.add(version_no, node)
        self.due_at = None

    def stop_evaluating(self, version_no: int | None) -> None:
        """Stop evaluating a filter version; none, or one that is not evaluated, changes nothing."""
        self._questions = None
        if version_no is not None and self.nodes.pop(version_no, None) is not None:
            self.index.remove(version_no)
            self.time.remove(version_no)
            self.due_at = None
            if self.passing is not None:
                self.passing.due = None
