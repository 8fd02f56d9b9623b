"""What is different between two filters, in words, condition by condition: added, removed, changed.

Used by the pages and answers that show a segment's versions. Nodes that both filters have are left out. A condition
that asks something else of the same attribute in the same group has changed; a group is compared with the group in its
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from domain.filters.nesting import is_condition
from domain.filters.wording import Words

_MATCHES = {"all": "all of these are true", "any": "any of these is true", "not": "none of these is true"}


class Difference(NamedTuple):
    """What one filter says and the other does not: only `after` where it was added, only `before` where removed."""

    before: str | None
    after: str | None


class _Group(NamedTuple):
    match: str
    nodes: Sequence[Any]


def differences(before: Any, after: Any, words: Words) -> list[Difference]:
    """Returns what is different between two filters in JSON form, in the order of the older one."""
    return list(_of_groups(_group(before), _group(after), words))


def _of_groups(before: _Group, after: _Group, words: Words) -> Iterator[Difference]:
    negates = "not" in (before.match, after.match)
    if before.match != after.match and (negates or len(before.nodes) + len(after.nodes) > 2):
        yield Difference(_MATCHES[before.match], _MATCHES[after.match])
    gone = [each for each in before.nodes if each not in after.nodes]
    new = [each for each in after.nodes if each not in before.nodes]
    for node in gone:
        other = next((each for each in new if _place(each) == _place(node)), None)
        if other is None:
            yield Difference(words.sentence(node), None)
            continue
        new.remove(other)
        if is_condition(node):
            yield Difference(words.condition(node), words.condition(other))
        else:
            yield from _of_groups(_group(node), _group(other), words)
    for node in new:
        yield Difference(None, words.sentence(node))


def _group(raw: Any) -> _Group:
    """A node as a group: a condition is a group of one, and an array means all of its nodes."""
    if raw is None:
        return _Group("all", [])
    if isinstance(raw, list):
        return _Group("all", raw)
    for match in ("all", "any"):
        if match in raw:
            return _Group(match, raw[match])
    if "not" in raw:
        inner = _group(raw["not"])
        return _Group("not", inner.nodes if inner.match == "any" else [raw["not"]])
    return _Group("all", [raw])


def _place(node: Any) -> str:
    """What makes two nodes of a group the same place: the attribute of a condition, or being a group."""
    if not is_condition(node):
        return "group"
    return f"attribute {node['attribute']}" if "attribute" in node else f"activity {node['activity']}"
