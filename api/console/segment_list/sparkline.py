"""The small picture of a segment's size over the last days, as a line in SVG and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from projections.read.segment_list.sizes import Day

WIDTH, HEIGHT, MARGIN = 88, 24, 3


class Sparkline(NamedTuple):
    """The points of the line in a picture of `WIDTH` to `HEIGHT`; the first and last size; what today changed."""

    points: str
    days: int
    first: int
    last: int
    today: int


def sparkline(days: Sequence[Day]) -> Sparkline:
    """Returns the picture of some days, oldest first. A segment that never moved is a line in the middle."""
    sizes = [day.size for day in days]
    lowest, highest = min(sizes), max(sizes)
    step = (WIDTH - 2 * MARGIN) / max(1, len(sizes) - 1)
    height = HEIGHT - 2 * MARGIN

    def y(size: int) -> float:
        return MARGIN + height * (0.5 if highest == lowest else (highest - size) / (highest - lowest))

    points = " ".join(f"{MARGIN + step * nth:.1f},{y(size):.1f}" for nth, size in enumerate(sizes))
    # The size when the first of the days began.
    first = days[0].size - days[0].change
    return Sparkline(points, len(days), first, sizes[-1], days[-1].change)
