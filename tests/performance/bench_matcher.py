"""The flip index alone: changes per second and flips per change as the number of segments grows."""

from __future__ import annotations

from domain.filters.parsing import parse
from domain.values import matchable
from projections.matching.flip_index import FlipIndex
from tests.performance import workload
from tests.performance.stage import say, seconds

CUSTOMERS = 20_000
CHANGES = 60_000


def run(sizes: tuple[int, ...] = (10, 100, 1_000, 10_000)) -> None:
    """Print a line for each number of segments, and the naive evaluation of every segment beside it."""
    say("\nMatcher alone (one core, no storage; naive = every segment evaluated before and after)")
    filters = workload.segments(max(sizes))
    people = list(workload.customers(CUSTOMERS))
    stream = [
        (each.customer, {each.key: None if each.new is None else matchable(each.new)})
        for each in workload.changes([dict(each) for each in people], CHANGES)
    ]
    for size in sizes:
        index = FlipIndex()
        nodes = [parse(raw, workload.TYPES) for raw in filters[:size]]
        for number, node in enumerate(nodes):
            index.add(number, node)
        rows = [{key: matchable(value) for key, value in each.items()} for each in people]
        build = seconds(lambda: index.change(dict(rows[0]), dict.fromkeys(workload.TYPES)))  # noqa: B023
        flips = 0

        def match() -> None:
            nonlocal flips
            change = index.change  # noqa: B023
            for customer, changed in stream:
                joined, left = change(rows[customer], changed)  # noqa: B023
                flips += len(joined) + len(left)

        taken = seconds(match)
        few = stream[: max(50, 200_000 // size)][:2_000]

        def naive() -> None:
            for customer, changed in few:  # noqa: B023
                before = rows[customer]  # noqa: B023
                after = before | changed
                sum(node.holds(before) != node.holds(after) for node in nodes)  # type: ignore[arg-type]  # noqa: B023

        slow = len(few) / seconds(naive)
        rate = CHANGES / taken
        say(
            f"  {size:>6} segments: {rate:>9,.0f} changes/s   {flips / CHANGES:>6.2f} flips/change"
            f"   {flips / taken:>10,.0f} flips/s   index built in {build:.2f} s"
            f"   naive {slow:>8,.0f}/s, {rate / slow:,.0f} x"
        )
