"""Parsing: a filter in JSON form, checked against the account's attributes and activities, becomes a tree.

Called wherever a filter enters, and by the worker, which reads stored ones. Every mistake is reported with its place.
Rules: SEMANTICS, "Filters" and "Behaviour".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from domain.errors import FieldError, Invalid
from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.reading import (
    FIELDS,
    KEPT,
    MAX_WHERE_CONDITIONS,
    MAX_WHERE_DEPTH,
    Activities,
    Behaviour,
    read_measure,
)
from domain.filters.conditions import All, AnyOf, Condition, Node, Not
from domain.filters.nesting import SEGMENT, Segments, no_segments
from domain.filters.operands import AsStored, ReadPhone, parse_operand, parse_phone_operand
from domain.filters.operators import OPERATORS, Operator, operators_of
from domain.filters.regions import Daily, Matching, Rolling
from domain.texts.language import said
from domain.values import AttributeType, BadValue

MAX_DEPTH = 5
MAX_CONDITIONS = 100
MAX_SEGMENTS = 100
AS_STORED = AsStored()
NO_BEHAVIOUR = Behaviour()
EMPTY_GROUP = "a group without conditions; add a condition to it, or remove the group"


def parse(
    raw: Any,
    attributes: Mapping[str, AttributeType],
    behaviour: Behaviour = NO_BEHAVIOUR,
    *,
    read_phone: ReadPhone = AS_STORED,
    segments: Segments = no_segments,
    own_id: str | None = None,
    stored: bool = False,
    nodes: dict[str, Node] | None = None,
) -> Node:
    """The tree of a filter in JSON form, with the filter of each segment it names in place of the name.

    `read_phone` reads phone numbers of this account, `own_id` is the segment that the filter belongs to, which it must
    not contain. A `stored` filter is read as it was accepted once: it may be composed of several, so it has no limits,
    and an older release allowed empty groups and phone numbers or parts of one that are none. `nodes` receives the tree
    of each node of the filter itself by its JSON pointer. `behaviour` is what its conditions may ask about; one on a
    computed attribute is read as one on what defines it.

    Raises `Invalid` with a JSON pointer to every node that is wrong.
    """
    reader = _Reader(attributes, read_phone, segments, own_id, {} if nodes is None else nodes, stored=stored)
    reader.known = behaviour
    node = reader.node(raw, "/filter", depth=0)
    if not stored and reader.conditions > MAX_CONDITIONS:
        reader.mistake(
            "/filter",
            "too_many_conditions",
            said(
                "%(conditions)s conditions; at most %(max_conditions)s",
                conditions=reader.conditions,
                max_conditions=MAX_CONDITIONS,
            ),
        )
    if reader.mistakes:
        raise Invalid.of(reader.mistakes)
    return node


def parse_computed(raw: Any, activities: Activities) -> Measure:
    """The measure that defines a computed attribute, of its JSON form. Raises `Invalid` with every mistake's place."""
    if not isinstance(raw, dict):
        raise Invalid.at(
            "/computed", "invalid_definition", said("needs a JSON object with %(known)s", known=", ".join(FIELDS))
        )
    detail = said(
        "a computed attribute is defined by %(known)s; another attribute cannot be in it", known=", ".join(FIELDS)
    )
    mistakes = [FieldError(f"/computed/{key}", "invalid_field", detail) for key in raw if key not in FIELDS]
    reader = _Reader({}, AS_STORED, no_segments, None, {}, stored=False)
    measure = read_measure(raw, activities, "/computed", reader.read_where)
    if isinstance(measure, list) or mistakes:
        mistakes += measure if isinstance(measure, list) else []
        raise Invalid.of(mistakes)
    return measure


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
        nodes: dict[str, Node],
        *,
        stored: bool,
    ) -> None:
        self.attributes = attributes
        self.phones = read_phone
        self.stored = stored
        self.depth = sys.getrecursionlimit() if stored else MAX_DEPTH
        self.known = NO_BEHAVIOUR
        # Of the properties of one fact, about which less can be asked than about a customer.
        self.of_properties = False
        self.segments = segments
        self.path: list[tuple[str, str]] = [] if own_id is None else [(own_id, "this segment")]
        self.own_path = len(self.path)
        self.nodes = nodes
        self.conditions = 0
        self.mistakes: list[FieldError] = []

    def mistake(self, pointer: str, code: str, detail: str) -> Node:
        self.mistakes.append(FieldError(pointer, code, detail))
        return AnyOf(())

    def node(self, raw: Any, pointer: str, depth: int) -> Node:
        node = self.read(raw, pointer, depth)
        if len(self.path) == self.own_path:
            self.nodes[pointer] = node
        return node

    def read(self, raw: Any, pointer: str, depth: int) -> Node:
        if isinstance(raw, list):
            return All(self.group(raw, pointer, pointer, depth))
        if not isinstance(raw, dict):
            return self.mistake(
                pointer, "invalid_filter", said("needs a condition, a group (all, any, not) or an array")
            )
        if "activity" in raw and not self.of_properties:
            return self.behaviour(raw, pointer)
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
            pointer, "invalid_filter", said('needs {"attribute","operator","value"} or exactly one of all, any, not')
        )

    def group(self, raw: Any, node_pointer: str, pointer: str, depth: int) -> tuple[Node, ...]:
        if depth >= self.depth:
            self.too_deep(pointer)
            return ()
        if not isinstance(raw, list):
            self.mistake(pointer, "invalid_filter", said("needs an array of nodes"))
            return ()
        if len(raw) > MAX_CONDITIONS:
            self.mistake(
                pointer,
                "too_many_conditions",
                said("%(count)s nodes; at most %(max_conditions)s", count=len(raw), max_conditions=MAX_CONDITIONS),
            )
            return ()
        if not raw and depth > 0 and not self.stored:
            self.mistake(node_pointer, "empty_group", EMPTY_GROUP)
        return tuple(self.node(each, f"{pointer}/{index}", depth + 1) for index, each in enumerate(raw))

    def too_deep(self, pointer: str) -> Node:
        return self.mistake(
            pointer,
            "filter_too_deep",
            said("groups may be nested %(depth)s deep here; flatten the filter", depth=self.depth),
        )

    def condition(self, raw: dict[str, Any], pointer: str) -> Node:
        self.conditions += 1
        unknown = [key for key in raw if key not in ("attribute", "operator", "value")]
        if unknown:
            return self.mistake(pointer, "invalid_filter", said("a condition has only attribute, operator and value"))
        key, name = raw.get("attribute"), raw.get("operator")
        if key == SEGMENT and not self.of_properties:
            return self.membership(name, raw.get("value"), pointer)
        if isinstance(key, str) and key in self.known.computed:
            return self.measured(self.known.computed[key], raw, pointer, called=key)
        if not isinstance(key, str) or key not in self.attributes:
            code, detail = "unknown_attribute", said("no such attribute; declare it or send a customer with it")
            if self.of_properties:
                code, detail = "unknown_property", said("the activity has no such property")
            return self.mistake(f"{pointer}/attribute", code, detail)
        return self.compared(key, key, self.attributes[key], name, raw.get("value"), pointer)

    def behaviour(self, raw: dict[str, Any], pointer: str) -> Node:
        self.conditions += 1
        known = (*FIELDS, "operator", "value", *([KEPT] if self.stored else []))
        if any(key not in known for key in raw):
            only = ", ".join([*FIELDS, "operator"])
            return self.mistake(
                pointer, "invalid_filter", said("a condition on behaviour has only %(only)s and value", only=only)
            )
        return self.measured(raw, raw, pointer)

    def measured(self, definition: Any, raw: dict[str, Any], pointer: str, called: str | None = None) -> Node:
        """A condition that compares what `definition` asks of behaviour."""
        known = self.known
        measure = read_measure(definition, known.activities, pointer, self.read_where, known.kept_days)
        if isinstance(measure, list):
            self.mistakes += measure
            return AnyOf(())
        name, value = raw.get("operator"), raw.get("value")
        return self.compared(measure.key, called or measure.aggregate, measure.type, name, value, pointer, measure)

    def read_where(self, raw: Any, types: Mapping[str, AttributeType], pointer: str) -> Node | list[FieldError]:
        reader = _Reader(types, AS_STORED, no_segments, None, {}, stored=self.stored)
        reader.of_properties = True
        if not self.stored:
            reader.depth = MAX_WHERE_DEPTH
        node = reader.node(raw, pointer, depth=0)
        if not self.stored and reader.conditions > MAX_WHERE_CONDITIONS:
            detail = said(
                "%(conditions)s conditions on properties; at most %(max_where_conditions)s",
                conditions=reader.conditions,
                max_where_conditions=MAX_WHERE_CONDITIONS,
            )
            reader.mistake(pointer, "too_many_conditions", detail)
        return reader.mistakes or node

    def compared(
        self,
        key: str,
        called: str,
        kind: AttributeType,
        name: Any,
        value: Any,
        pointer: str,
        measure: Measure | None = None,
    ) -> Node:
        operator = OPERATORS[kind].get(name) if isinstance(name, str) else None
        if operator is None:
            allowed = ", ".join(operators_of(kind))
            detail = said("%(called)s is a %(kind)s; use one of %(allowed)s", called=called, kind=kind, allowed=allowed)
            return self.mistake(f"{pointer}/operator", "unknown_operator", detail)
        operand = self.operand(operator, key, kind, value)
        if isinstance(operand, BadValue):
            return self.mistake(f"{pointer}/value", operand.code, operand.detail)
        facet: AttributeType = "date" if operator.reads == "@day" else kind
        parts = operand if operator.takes == "fragment" and isinstance(operand, tuple) else (operand,)
        regions = [operator.region(each) for each in parts]
        if self.of_properties and any(isinstance(each, Daily | Rolling) for each in regions):
            return self.mistake(
                f"{pointer}/operator", "relative_date", said("moves with time; a property is compared with fixed dates")
            )
        nodes = [Condition(key + operator.reads, facet, each, operator.negated, measure) for each in regions]
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes)) if operator.negated else AnyOf(tuple(nodes))

    def operand(self, operator: Operator, key: str, kind: AttributeType, raw: Any) -> Any | BadValue:
        if key == "phone":
            operand = parse_phone_operand(operator.takes, raw, self.phones, begins=operator.name == "starts_with")
            if not (self.stored and isinstance(operand, BadValue)):
                return operand
        return parse_operand(operator.takes, kind, raw)

    def membership(self, name: Any, raw: Any, pointer: str) -> Node:
        if name not in ("in", "not_in"):
            return self.mistake(f"{pointer}/operator", "unknown_operator", said("segment takes one of in, not_in"))
        if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_SEGMENTS:
            return self.mistake(
                f"{pointer}/value",
                "invalid_value",
                said("needs an array of 1 to %(max_segments)s segment ids", max_segments=MAX_SEGMENTS),
            )
        nodes = [self.segment(each, f"{pointer}/value/{place}") for place, each in enumerate(raw)]
        return AnyOf(tuple(nodes)) if name == "in" else Not(AnyOf(tuple(nodes)))

    def segment(self, segment_id: Any, pointer: str) -> Node:
        reference = self.segments(segment_id) if isinstance(segment_id, str) else None
        if reference is None:
            return self.mistake(pointer, "unknown_segment", said("no such segment in this account"))
        if segment_id in (each for each, _ in self.path):
            names = " -> ".join([*(name for _, name in self.path), reference.name])
            return self.mistake(
                pointer, "segment_cycle", said("segments may not contain each other: %(names)s", names=names)
            )
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
