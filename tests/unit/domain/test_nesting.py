"""Filters that name segments, written out with the filters of those segments."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Invalid
from domain.filters.nesting import Reference, inline_segments


def equals(value: str) -> dict[str, Any]:
    return {"attribute": "plan", "operator": "equals", "value": value}


def within(*names: str, operator: str = "in") -> dict[str, Any]:
    return {"attribute": "segment", "operator": operator, "value": list(names)}


def test_segments_are_written_out_to_the_deepest_level() -> None:
    segments = {
        "outer": Reference("outer", "dynamic", [within("middle")]),
        "middle": Reference("middle", "dynamic", {"not": within("inner", "list", operator="not_in")}),
        "inner": Reference("inner", "dynamic", {"any": [equals("gold")]}),
        "list": Reference("list", "static", None),
    }
    inner = {"not": {"any": [{"any": [equals("gold")]}, within("list")]}}
    assert inline_segments([within("outer")], segments.get) == [{"any": [{"all": [{"any": [{"not": inner}]}]}]}]


def test_a_segment_that_contains_itself_through_another_cannot_be_written_out() -> None:
    segments = {
        "one": Reference("one", "dynamic", [within("other")]),
        "other": Reference("other", "dynamic", [within("one")]),
    }
    with pytest.raises(Invalid, match="one contains itself"):
        inline_segments([within("one")], segments.get)
