"""Nested segments: which segments a filter names, and the filter with their filters inlined.

The name of a dynamic segment means that segment's filter. Inlined, the filter is evaluated like any other, in one pass
and in any order. The name of a static segment means its list of members. Called where a filter is checked, and by the
worker, which stores each version of a filter as it was inlined when the version began.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from domain.errors import Invalid

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
            raise Invalid("unknown_segment", f"the filter names the segment {segment_id}, which does not exist")
        if segment_id in path:
            raise Invalid("segment_cycle", f"{reference.name} contains itself")
        if reference.type == "static":
            lists.append(segment_id)
            continue
        inner = inline_segments(reference.filter, segments, (*path, segment_id))
        nodes.append({"all": inner} if isinstance(inner, list) else inner)
    if lists:
        nodes.append({"attribute": SEGMENT, "operator": "in", "value": lists})
    union = {"any": nodes}
    return union if raw["operator"] == "in" else {"not": union}
