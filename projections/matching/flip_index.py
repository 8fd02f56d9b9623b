"""The flip index: for which segments a change of one customer flips the answer. No other segment is evaluated.

One index per account, held by the projection worker, rebuilt from the segments table at start.

The conditions on an attribute cut its values into classes within which none of them changes; each
class keeps a bitset of the segments that it satisfies. A change `old -> new` of one attribute: XOR of
two bitsets, AND with the bitsets of the other attributes' present classes, leaves the segments whose
answer flipped. Bitsets are local to the segments that read the attribute (a `Group`), so they stay
short. This fits every filter that is a conjunction (`projections.matching.conjunctions`); the others ("trees") are
evaluated before and after, but only when one of their own conditions flipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import NamedTuple

from domain.filters.conditions import All, AnyOf, Condition, Node, Not, attributes_read, conditions_of
from domain.filters.regions import Daily
from domain.instants import Moment
from domain.values import Value
from projections.matching.conjunctions import Conjunction, conjunction_of, without_constants
from projections.matching.value_classes import ValueClasses, ids_of

Values = dict[str, Value]


class Flips(NamedTuple):
    """The segment versions that a customer joined and left through a change."""

    joined: list[int]
    left: list[int]


class Now:
    """The moment as of which the index answers: a day, for which classes are built, and an instant, for ages."""

    def __init__(self) -> None:
        self.micros = 0
        self.today = date.min

    @property
    def moment(self) -> Moment:
        """Day and instant together."""
        return Moment(self.micros, self.today)

    def lookup(self, key: str, classes: ValueClasses) -> Callable[[Value | None], int]:
        """The lookup of a facet's value; of a facet that ages, by its age now."""
        at = classes.at
        if not key.endswith("@age"):
            return at
        return lambda instant: at(None if instant is None else self.micros - instant)  # type: ignore[operator]


def _moves_daily(node: Node) -> bool:
    return any(isinstance(condition.region, Daily) for condition in conditions_of(node))


class Group:
    """The conjunctions that read one attribute, a bit each.

    `home` has the bits of those that are counted in this group and in no other, so that each is counted once.
    """

    def __init__(self, key: str, forms: Mapping[int, Conjunction], now: Now) -> None:
        self.versions = list(forms)
        self.inverted = sum(1 << bit for bit, form in enumerate(forms.values()) if form.inverted)
        self.home = sum(1 << bit for bit, form in enumerate(forms.values()) if min(form.parts) == key)
        reads: dict[str, list[tuple[int, Node]]] = {}
        for bit, form in enumerate(forms.values()):
            for name, node in form.parts.items():
                reads.setdefault(name, []).append((bit, node))
        self.at = now.lookup(key, ValueClasses(key, reads[key], len(forms), now.today))
        fullest = sorted(reads, key=lambda name: -len(reads[name]))
        self.others = [
            (name, now.lookup(name, ValueClasses(name, reads[name], len(forms), now.today)))
            for name in fullest
            if name != key
        ]
        self.moves_daily = any(_moves_daily(node) for form in forms.values() for node in form.parts.values())

    def flip(self, values: Mapping[str, Value], old: Value | None, new: Value | None) -> tuple[int, int]:
        """The bits that flip when this attribute goes from `old` to `new`, and which of them to true."""
        now = self.at(new)
        flipped = self.at(old) ^ now
        if flipped:
            for name, at in self.others:
                flipped &= at(values.get(name))
                if not flipped:
                    return 0, 0
        return flipped, flipped & (now ^ self.inverted)

    def true_at_home(self, values: Mapping[str, Value], value: Value | None) -> int:
        """The bits of the conjunctions that hold, as far as this group is their home."""
        bits = self.at(value)
        for name, at in self.others:
            bits &= at(values.get(name))
        return (bits ^ self.inverted) & self.home


class Trees:
    """The filters without a conjunctive form that read one attribute, found by the conditions that flip."""

    def __init__(self, key: str, trees: Mapping[int, Node], now: Now) -> None:
        conditions: dict[Condition, list[int]] = {}
        for version, node in trees.items():
            for condition in set(_conditions_on(key, node)):
                conditions.setdefault(condition, []).append(version)
        self.versions = list(conditions.values())
        nodes: list[tuple[int, Node]] = list(enumerate(conditions))
        self.at = now.lookup(key, ValueClasses(key, nodes, len(nodes), now.today))
        self.moves_daily = any(_moves_daily(condition) for condition in conditions)

    def touched(self, old: Value | None, new: Value | None) -> Iterable[int]:
        """The versions of which at least one condition flips."""
        flipped = self.at(old) ^ self.at(new)
        return [version for bit in ids_of(flipped) for version in self.versions[bit]] if flipped else ()


class FlipIndex:
    """All segment versions of one account that are evaluated."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._forms: dict[str, dict[int, Conjunction]] = {}
        self._trees: dict[str, dict[int, Node]] = {}
        self._constant: dict[int, bool] = {}
        self._groups: dict[str, Group] = {}
        self._tree_groups: dict[str, Trees] = {}
        self._now = Now()

    def set_moment(self, moment: Moment) -> None:
        """Answer as of this moment from here on; a new day discards the groups whose conditions move with days."""
        if moment.today != self._now.today:
            self._now.today = moment.today
            self._groups = {key: group for key, group in self._groups.items() if not group.moves_daily}
            self._tree_groups = {key: group for key, group in self._tree_groups.items() if not group.moves_daily}
        self._now.micros = moment.micros

    def __contains__(self, version: int) -> bool:
        return version in self._nodes

    def add(self, version: int, node: Node) -> None:
        """Start to evaluate a segment version; only groups that share an attribute with it are built again."""
        folded = without_constants(node)
        self._nodes[version] = node
        if isinstance(folded, bool):
            self._constant[version] = folded
            return
        self._nodes[version] = node = folded
        keys = attributes_read(node)
        form = conjunction_of(node)
        for key in keys:
            if form is None:
                self._trees.setdefault(key, {})[version] = node
                self._tree_groups.pop(key, None)
            else:
                self._forms.setdefault(key, {})[version] = form
                self._groups.pop(key, None)

    def remove(self, version: int) -> None:
        """Stop evaluating a version; one that is not evaluated changes nothing."""
        node = self._nodes.pop(version, None)
        self._constant.pop(version, None)
        for key in attributes_read(node) if node is not None else ():
            if self._forms.get(key, {}).pop(version, None) is not None:
                self._groups.pop(key, None)
            if self._trees.get(key, {}).pop(version, None) is not None:
                self._tree_groups.pop(key, None)

    def versions_that_read(self, key: str) -> set[int]:
        """The versions that have a condition on an attribute or facet."""
        return {*self._forms.get(key, ()), *self._trees.get(key, ())}

    def members_of(self, values: Mapping[str, Value]) -> list[int]:
        """Every version whose filter a customer with these matchable values fits."""
        found = [version for version, holds in self._constant.items() if holds]
        for key in self._forms:
            group = self._group(key)
            if group is not None and group.home:
                found += [group.versions[bit] for bit in ids_of(group.true_at_home(values, values.get(key)))]
        trees = {version for each in self._trees.values() for version in each}
        moment = self._now.moment
        found += [version for version in trees if self._nodes[version].holds(values, moment)]
        return found

    def change(self, values: Values, changed: Mapping[str, Value | None]) -> Flips:
        """Apply new matchable values (`None` = removed) to `values`, all at once. Returns the versions that flipped."""
        if not self._trees:
            return Flips(*self._flip_each(values, changed))
        touched = {
            version
            for key, new in changed.items()
            if self._trees.get(key)
            for version in self._tree_group(key).touched(values.get(key), new)
        }
        moment = self._now.moment
        before = {version: self._nodes[version].holds(values, moment) for version in touched}
        joined, left = self._flip_each(values, changed)
        for version in touched:
            after = self._nodes[version].holds(values, moment)
            if after != before[version]:
                (joined if after else left).append(version)
        return Flips(joined, left)

    def _flip_each(self, values: Values, changed: Mapping[str, Value | None]) -> tuple[list[int], list[int]]:
        """Apply one attribute after another; a segment that flips there and back did not flip."""
        joined: list[int] = []
        left: list[int] = []
        for key, new in changed.items():
            group = self._groups.get(key) or self._group(key)
            if group is not None:
                flipped, up = group.flip(values, values.get(key), new)
                if flipped:
                    versions = group.versions
                    joined += [versions[bit] for bit in ids_of(up)]
                    left += [versions[bit] for bit in ids_of(flipped ^ up)]
            if new is None:
                values.pop(key, None)
            else:
                values[key] = new
        if len(changed) > 1 and joined and left:
            return _net(joined, left)
        return joined, left

    def _group(self, key: str) -> Group | None:
        forms = self._forms.get(key)
        if not forms:
            return None
        if key not in self._groups:
            self._groups[key] = Group(key, forms, self._now)
        return self._groups[key]

    def _tree_group(self, key: str) -> Trees:
        if key not in self._tree_groups:
            self._tree_groups[key] = Trees(key, self._trees[key], self._now)
        return self._tree_groups[key]


def _net(joined: list[int], left: list[int]) -> tuple[list[int], list[int]]:
    """Flips of one version alternate, so joins minus leaves is +1, 0 or -1."""
    balance: dict[int, int] = {}
    for version in joined:
        balance[version] = balance.get(version, 0) + 1
    for version in left:
        balance[version] = balance.get(version, 0) - 1
    return [v for v, total in balance.items() if total > 0], [v for v, total in balance.items() if total < 0]


def _conditions_on(key: str, node: Node) -> Iterable[Condition]:
    match node:
        case Condition():
            return [node] if node.attribute == key else []
        case Not():
            return _conditions_on(key, node.node)
        case All() | AnyOf():
            return [found for each in node.nodes for found in _conditions_on(key, each)]
