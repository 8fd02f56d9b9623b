"""Filters: what a dynamic segment asks of a customer.

`parse` checks a filter against the account's attributes and makes a tree whose evaluation is total;
`holds` is the Python evaluator. `domain.filters.wording` puts a filter into words. Rules: SEMANTICS, "Filters".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import FieldError, Invalid
from domain.filters.nesting import SEGMENT, Segments, no_segments
from domain.filters.operands import AsStored, ReadPhone, parse_operand, parse_phone_operand
from domain.filters.operators import OPERATORS, Operator, operators_of
from domain.filters.regions import Matching, Moving, Region, Rolling, region_at
from domain.instants import Moment
from domain.values import AttributeType, BadValue, Value

MAX_DEPTH = 5
MAX_CONDITIONS = 100
MAX_SEGMENTS = 100
AS_STORED = AsStored()
EMPTY_GROUP = "a group without conditions; add a condition to it, or remove the group"


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute in (or, negated, not in) a region. A missing value is in no region."""

    attribute: str
    type: AttributeType
    region: Region | Moving
    negated: bool = False

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether the condition is true of a customer's matchable values; moving regions need the moment."""
        value: Any = values.get(self.attribute)
        if value is None:
            return self.negated
        if isinstance(self.region, Rolling):
            assert moment is not None, "a moving region needs a moment"
            return self.region.holds(value, moment.micros) != self.negated
        return region_at(self.region, moment).holds(value) != self.negated


@dataclass(frozen=True, slots=True)
class All:
    """True when every node is true; without nodes it matches no customer."""

    nodes: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether all nodes hold and there is one."""
        return bool(self.nodes) and all(node.holds(values, moment) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one node is true."""

    nodes: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether one of the nodes holds."""
        return any(node.holds(values, moment) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Not:
    """True when the node is false."""

    node: Node

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether the node does not hold."""
        return not self.node.holds(values, moment)


Node = Condition | All | AnyOf | Not


def conditions_of(node: Node) -> Iterator[Condition]:
    """Every condition of a filter."""
    match node:
        case Condition():
            yield node
        case Not():
            yield from conditions_of(node.node)
        case All() | AnyOf():
            for each in node.nodes:
                yield from conditions_of(each)


def attributes_read(node: Node) -> frozenset[str]:
    """The attributes (of a datetime, the facets) whose values can change the filter's answer."""
    return frozenset(condition.attribute for condition in conditions_of(node))


def parse(
    raw: Any,
    attributes: Mapping[str, AttributeType],
    pointer: str = "/filter",
    *,
    read_phone: ReadPhone = AS_STORED,
    segments: Segments = no_segments,
    own_id: str | None = None,
    stored: bool = False,
) -> Node:
    """The tree of a filter in JSON form, with the filter of each segment it names in place of the name.

    `read_phone` reads phone numbers of this account, `own_id` is the segment that the filter belongs to, which it must
    not contain. A `stored` filter is read as it was accepted once: it may be composed of several, so it has no limits,
    and an older release allowed empty groups and phone numbers or parts of one that are none.

    Raises `Invalid` with a JSON pointer to every node that is wrong.
    """
    reader = _Reader(attributes, read_phone, segments, own_id, stored=stored)
    node = reader.node(raw, pointer, depth=0)
    if not stored and reader.conditions > MAX_CONDITIONS:
        reader.mistake(pointer, "too_many_conditions", f"{reader.conditions} conditions; at most {MAX_CONDITIONS}")
    if reader.mistakes:
        first = reader.mistakes[0]
        raise Invalid(first.code, f"{first.pointer}: {first.detail}", reader.mistakes)
    return node


def empty_groups(raw: Any, pointer: str = "/filter") -> Iterator[str]:
    """The pointers of the groups without conditions within a stored filter, which `parse` refuses in a new one."""
    if isinstance(raw, dict) and "not" in raw:
        inner = [("/not", raw["not"])]
    else:
        word = next((word for word in ("all", "any") if isinstance(raw, dict) and word in raw), None)
        nodes = raw if isinstance(raw, list) else raw[word] if word else []
        inner = [(f"/{word}/{place}" if word else f"/{place}", each) for place, each in enumerate(nodes)]
    for step, node in inner:
        if isinstance(node, dict) and "attribute" in node:
            continue  # a condition, in which there are no groups
        if node in ([], {"all": []}, {"any": []}):
            yield pointer + step
        yield from empty_groups(node, pointer + step)


class _Reader:
    """One pass over a filter that collects every mistake, not only the first."""

    def __init__(
        self,
        attributes: Mapping[str, AttributeType],
        read_phone: ReadPhone,
        segments: Segments,
        own_id: str | None,
        *,
        stored: bool,
    ) -> None:
        self.attributes = attributes
        self.phones = read_phone
        self.stored = stored
        self.depth = sys.getrecursionlimit() if stored else MAX_DEPTH
        self.segments = segments
        self.path: list[tuple[str, str]] = [] if own_id is None else [(own_id, "this segment")]
        self.conditions = 0
        self.mistakes: list[FieldError] = []

    def mistake(self, pointer: str, code: str, detail: str) -> Node:
        self.mistakes.append(FieldError(pointer, code, detail))
        return AnyOf(())

    def node(self, raw: Any, pointer: str, depth: int) -> Node:
        if isinstance(raw, list):
            return All(self.group(raw, pointer, pointer, depth))
        if not isinstance(raw, dict):
            return self.mistake(pointer, "invalid_filter", "needs a condition, a group (all, any, not) or an array")
        if "attribute" in raw or "operator" in raw:
            return self.condition(raw, pointer)
        if len(raw) == 1:
            if "all" in raw:
                return All(self.group(raw["all"], pointer, f"{pointer}/all", depth))
            if "any" in raw:
                return AnyOf(self.group(raw["any"], pointer, f"{pointer}/any", depth))
            if "not" in raw:
                if depth >= self.depth:
                    return self.too_deep(pointer)
                return Not(self.node(raw["not"], f"{pointer}/not", depth + 1))
        return self.mistake(
            pointer, "invalid_filter", 'needs {"attribute","operator","value"} or exactly one of all, any, not'
        )

    def group(self, raw: Any, node_pointer: str, pointer: str, depth: int) -> tuple[Node, ...]:
        if depth >= self.depth:
            self.too_deep(pointer)
            return ()
        if not isinstance(raw, list):
            self.mistake(pointer, "invalid_filter", "needs an array of nodes")
            return ()
        if len(raw) > MAX_CONDITIONS:
            self.mistake(pointer, "too_many_conditions", f"{len(raw):,} nodes; at most {MAX_CONDITIONS}")
            return ()
        if not raw and depth > 0 and not self.stored:
            self.mistake(node_pointer, "empty_group", EMPTY_GROUP)
        return tuple(self.node(each, f"{pointer}/{index}", depth + 1) for index, each in enumerate(raw))

    def too_deep(self, pointer: str) -> Node:
        return self.mistake(pointer, "filter_too_deep", f"groups may be nested {MAX_DEPTH} deep; flatten the filter")

    def condition(self, raw: dict[str, Any], pointer: str) -> Node:
        self.conditions += 1
        unknown = [key for key in raw if key not in ("attribute", "operator", "value")]
        if unknown:
            return self.mistake(pointer, "invalid_filter", "a condition has only attribute, operator and value")
        key, name = raw.get("attribute"), raw.get("operator")
        if key == SEGMENT:
            return self.membership(name, raw.get("value"), pointer)
        if not isinstance(key, str) or key not in self.attributes:
            return self.mistake(
                f"{pointer}/attribute", "unknown_attribute", "no such attribute; declare it or send a customer with it"
            )
        kind = self.attributes[key]
        operator = OPERATORS[kind].get(name) if isinstance(name, str) else None
        if operator is None:
            allowed = ", ".join(operators_of(kind))
            return self.mistake(f"{pointer}/operator", "unknown_operator", f"{key} is a {kind}; use one of {allowed}")
        operand = self.operand(operator, key, kind, raw.get("value"))
        if isinstance(operand, BadValue):
            return self.mistake(f"{pointer}/value", operand.code, operand.detail)
        facet: AttributeType = "date" if operator.reads == "@day" else kind
        parts = operand if operator.takes == "fragment" and isinstance(operand, tuple) else (operand,)
        nodes = [Condition(key + operator.reads, facet, operator.region(each), operator.negated) for each in parts]
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes)) if operator.negated else AnyOf(tuple(nodes))

    def operand(self, operator: Operator, key: str, kind: AttributeType, raw: Any) -> Any | BadValue:
        if key == "phone":
            operand = parse_phone_operand(operator.takes, raw, self.phones, begins=operator.name == "starts_with")
            if not (self.stored and isinstance(operand, BadValue)):
                return operand
        return parse_operand(operator.takes, kind, raw)

    def membership(self, name: Any, raw: Any, pointer: str) -> Node:
        if name not in ("in", "not_in"):
            return self.mistake(f"{pointer}/operator", "unknown_operator", "segment takes one of in, not_in")
        if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_SEGMENTS:
            return self.mistake(
                f"{pointer}/value", "invalid_value", f"needs an array of 1 to {MAX_SEGMENTS} segment ids"
            )
        nodes = [self.segment(each, f"{pointer}/value/{place}") for place, each in enumerate(raw)]
        return AnyOf(tuple(nodes)) if name == "in" else Not(AnyOf(tuple(nodes)))

    def segment(self, segment_id: Any, pointer: str) -> Node:
        reference = self.segments(segment_id) if isinstance(segment_id, str) else None
        if reference is None:
            return self.mistake(pointer, "unknown_segment", "no such segment in this account")
        if segment_id in (each for each, _ in self.path):
            names = " -> ".join([*(name for _, name in self.path), reference.name])
            return self.mistake(pointer, "segment_cycle", f"segments may not contain each other: {names}")
        if reference.type == "static":
            return Condition(SEGMENT, "list", Matching("includes_any", (segment_id,)))
        conditions, earlier = self.conditions, len(self.mistakes)
        self.path.append((segment_id, reference.name))
        node = self.node(reference.filter, pointer, depth=0)
        self.path.pop()
        # A mistake in the named segment's own filter is reported at the place that names it.
        self.mistakes[earlier:] = [each._replace(pointer=pointer) for each in self.mistakes[earlier:]]
        self.conditions = conditions
        return node
