"""`python -m tests.performance cells`: which share of the changes the busiest worker, and the busiest cell, has.

Arithmetic, without a server: the accounts' sizes follow Zipf's law, their ids and the division of the shards are those
of the product. The same output every time. Medians of several draws of account names.
"""

from __future__ import annotations

import random
from statistics import median

from projections.worker.shards.shard import SHARDS
from tests.performance.cells import division
from tests.performance.stage import say

ACCOUNTS, WORKERS, CELLS = (100, 1_000, 10_000, 100_000), (2, 4, 8, 16, 64), (4, 16, 64)
SKEWS = (0.0, 0.5, 0.8, 1.0, 1.2)
FINE_SKEWS = [step / 20 for step in range(31)]
# Beyond this multiple of an even share, a division is called uneven: of three workers, one does nothing.
UNEVEN = 1.5
DRAWS, DRAWS_OF_MANY = 15, 5
ACTIVE = (1.0, 0.1, 0.01)
PLACED = 100_000

Draws = list[list[int]]


def run() -> None:
    """Print a table for workers, for the moment, for cells, and the skews from which each division is uneven."""
    say("\nCells: skewed accounts over 64 shards and workers (arithmetic; the size of rank r is 1 / r ** skew)")
    draws = {accounts: _shards_of_draws(accounts) for accounts in ACCOUNTS}
    _workers(draws)
    _limits(draws)
    _moments(draws[10_000])
    _cells()


def _shards_of_draws(accounts: int) -> Draws:
    count = DRAWS if accounts < PLACED else DRAWS_OF_MANY
    return [division.shards_of(division.named(accounts, draw)) for draw in range(count)]


def _shares(draws: Draws, changes: list[int]) -> list[tuple[float, float]]:
    """The busiest worker's share by number of workers, shards divided by number or by load; medians of the draws."""
    found = [division.loads(shards, changes, SHARDS) for shards in draws]
    return [
        (
            median(division.busiest(each, division.dealt(count)) for each in found),
            median(division.busiest(each, division.weighed(each, count)) for each in found),
        )
        for count in WORKERS
    ]


def _workers(draws: dict[int, Draws]) -> None:
    say("  busiest worker's share of the changes, % (shards divided by number, as built / by load), by workers")
    head = "".join(f"{f'{count} (even {100 / count:.1f})':>18}" for count in WORKERS)
    say(f"  {'accounts':>9} {'skew':>5} {'largest':>8}{head}")
    for accounts, drawn in draws.items():
        for skew in SKEWS:
            changes = division.sizes(accounts, skew)
            shares = _shares(drawn, changes)
            cells = "".join(f"{f'{100 * one:.1f} / {100 * other:.1f}':>18}" for one, other in shares)
            say(f"  {accounts:>9,} {skew:>5} {100 * changes[0] / sum(changes):>8.1f}{cells}")


def _limits(draws: dict[int, Draws]) -> None:
    say(f"  skew from which the busiest has more than {UNEVEN} even shares: by number / by load / one account has")
    say(f"  {'accounts':>9}" + "".join(f"{f'{count} workers':>20}" for count in WORKERS))
    for accounts, drawn in draws.items():
        sizes = {skew: division.sizes(accounts, skew) for skew in FINE_SKEWS}
        largest = {skew: changes[0] / sum(changes) for skew, changes in sizes.items()}
        shares = {skew: _shares(drawn, changes) for skew, changes in sizes.items()}
        line = ""
        for number, count in enumerate(WORKERS):
            columns = [{skew: each[number][place] for skew, each in shares.items()} for place in (0, 1)]
            limits = [division.first_beyond(UNEVEN / count, column) for column in (*columns, largest)]
            line += f"{' / '.join('-' if each is None else str(each) for each in limits):>20}"
        say(f"  {accounts:>9,}{line}")


def _moments(draws: Draws, workers: int = 8) -> None:
    say(f"  the same at a moment, {len(draws[0]):,} accounts, {workers} workers: by number / by load of the long run")
    dealt, chance = division.dealt(workers), random.Random(1)
    for skew in SKEWS:
        changes, cells = division.sizes(len(draws[0]), skew), ""
        for active in ACTIVE:
            pairs = []
            for shards in draws:
                weighed = division.weighed(division.loads(shards, changes, SHARDS), workers)
                moment = division.loads(shards, division.at_once(changes, active, chance), SHARDS)
                pairs.append((division.busiest(moment, dealt), division.busiest(moment, weighed)))
            one, other = (median(pair[place] for pair in pairs) for place in (0, 1))
            cells += f"   {active:>4.0%} of them active: {100 * one:>4.1f} / {100 * other:>4.1f}"
        say(f"      skew {skew}{cells}")


def _cells() -> None:
    say(f"  busiest cell's share, {PLACED:,} accounts, % (by hash / each new account into the one with least)")
    ids, chance = division.named(PLACED, 0), random.Random(2)
    for skew in SKEWS:
        changes, cells = division.sizes(PLACED, skew), ""
        for count in CELLS:
            by_hash = division.loads(division.cells_by_hash(ids, count), changes, count)
            by_load = division.loads(division.cells_by_load(changes, count, chance), changes, count)
            one, other = (100 * max(each) / sum(each) for each in (by_hash, by_load))
            cells += f"   {count:>3} cells (even {100 / count:>4.1f}): {one:>4.1f} / {other:>4.1f}"
        say(f"      skew {skew}{cells}")
