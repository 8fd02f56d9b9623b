"""Nested segments: which segments a filter names, and the filter with their filters inlined.

The name of a dynamic segment means that segment's filter. Inlined, the filter is evaluated like any other, in one pass
and in any order. The name of a static segment means its list of members. Called where a filter is checked, and by the
worker, which stores each version of a filter as it was inlined when the version began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from domain.errors import Invalid
from domain.filters.behaviour.reading import KEPT
from domain.texts.language import said

SEGMENT = "segment"


class Reference(NamedTuple):
    """A segment that a filter may name: a dynamic one with its filter, or a static one, whose filter is `None`."""

    name: str
    type: Literal["static", "dynamic"]
    filter: Any


Segments = Callable[[str], Reference | None]


def no_segments(_: str) -> Reference | None:
    """An account without segments."""
    return None


def is_condition(raw: Any) -> bool:
    """Returns whether a node in JSON form is a condition, on an attribute or on behaviour."""
    return isinstance(raw, dict) and ("attribute" in raw or "activity" in raw)


def segments_named(raw: Any) -> set[str]:
    """The ids that the `segment` conditions of a filter in JSON form name."""
    if isinstance(raw, list):
        return set().union(*(segments_named(each) for each in raw))
    if not isinstance(raw, dict):
        return set()
    if raw.get("attribute") == SEGMENT:
        value = raw.get("value")
        return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()
    return set().union(*(segments_named(raw[key]) for key in ("all", "any", "not") if key in raw))


def attributes_named(raw: Any) -> list[str]:
    """The attributes that a filter in JSON form asks about, each once and in its order."""
    if isinstance(raw, list):
        return list(dict.fromkeys(key for each in raw for key in attributes_named(each)))
    if not isinstance(raw, dict):
        return []
    if "attribute" in raw:
        return [] if raw["attribute"] == SEGMENT else [str(raw["attribute"])]
    return attributes_named([raw[word] for word in ("all", "any", "not") if word in raw])


def inline_computed(raw: Any, definitions: Mapping[str, Any]) -> Any:
    """The filter with the definition of each computed attribute that it names in place of the name."""
    if isinstance(raw, list):
        return [inline_computed(each, definitions) for each in raw]
    key = raw.get("attribute")
    if isinstance(key, str) and key in definitions:
        return definitions[key] | {name: raw[name] for name in ("operator", "value") if name in raw}
    return {
        name: inline_computed(each, definitions) if name in ("all", "any", "not") else each
        for name, each in raw.items()
    }


def keep(raw: Any, days: int) -> Any:
    """The filter as it is stored where an activity counts until it is so many days old."""
    if isinstance(raw, list):
        return [keep(each, days) for each in raw]
    if "activity" in raw:
        return raw | {KEPT: days}
    return {name: keep(each, days) if name in ("all", "any", "not") else each for name, each in raw.items()}


def asks_behaviour(raw: Any) -> bool:
    """Returns whether a condition of a filter in JSON form is on behaviour."""
    if isinstance(raw, list):
        return any(asks_behaviour(each) for each in raw)
    if not isinstance(raw, dict) or "attribute" in raw:
        return False
    return "activity" in raw or any(asks_behaviour(raw[word]) for word in ("all", "any", "not") if word in raw)


def inline_segments(raw: Any, segments: Segments, path: tuple[str, ...] = ()) -> Any:
    """The filter with the filter of each dynamic segment that it names in place of the name.

    Raises `Invalid` for a segment that does not exist, or that contains itself.
    """
    if isinstance(raw, list):
        return [inline_segments(each, segments, path) for each in raw]
    if raw.get("attribute") != SEGMENT:
        return {
            key: inline_segments(each, segments, path) if key in ("all", "any", "not") else each
            for key, each in raw.items()
        }
    lists, nodes = [], []
    for segment_id in raw["value"]:
        reference = segments(segment_id)
        if reference is None:
            raise Invalid(
                "unknown_segment",
                said("the filter names the segment %(segment_id)s, which does not exist", segment_id=segment_id),
            )
        if segment_id in path:
            raise Invalid("segment_cycle", said("%(name)s contains itself", name=reference.name))
        if reference.type == "static":
            lists.append(segment_id)
            continue
        inner = inline_segments(reference.filter, segments, (*path, segment_id))
        nodes.append({"all": inner} if isinstance(inner, list) else inner)
    if lists:
        nodes.append({"attribute": SEGMENT, "operator": "in", "value": lists})
    union = {"any": nodes}
    return union if raw["operator"] == "in" else {"not": union}
