"""How changes fall on workers and on cells when accounts differ in size. Pure; used by `bench`.

Workers divide the shards by the code that they run, `projections.worker.shards.leases.deal`; a division by load is the
one by which a rebuild divides them, `projections.worker.rebuild.divide`. Loads are changes, of `CHANGES` in all.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from heapq import heapreplace
from uuid import UUID

from domain.account import account_id_of
from projections.worker.rebuild import divide
from projections.worker.shards.leases import deal
from projections.worker.shards.shard import SHARDS, shard_of

CHANGES = 1_000_000_000


def sizes(accounts: int, skew: float) -> list[int]:
    """The changes of each account, the largest first: the account of rank `r` has `1 / r ** skew` of the largest's."""
    shares = [1 / rank**skew for rank in range(1, accounts + 1)]
    whole = sum(shares)
    return [round(CHANGES * share / whole) for share in shares]


def named(accounts: int, draw: int) -> list[UUID]:
    """The ids of accounts, as Rollcall makes them from names; another `draw` has other names."""
    return [account_id_of(f"account-{draw}-{number}") for number in range(accounts)]


def loads(places: Sequence[int], changes: Sequence[int], count: int) -> list[int]:
    """The changes of each of `count` places (shards, cells), from the place and the changes of each account."""
    found = [0] * count
    for place, each in zip(places, changes, strict=True):
        found[place] += each
    return found


def shards_of(accounts: Iterable[UUID]) -> list[int]:
    """The shard of each account."""
    return [shard_of(each) for each in accounts]


@cache
def dealt(workers: int) -> list[list[int]]:
    """The shards of each worker, once they joined one after another and each time dealt until nothing moved."""
    owners: dict[int, int | None] = dict.fromkeys(range(SHARDS))
    for joined in range(1, workers + 1):
        tokens = range(joined)
        while any(_deal_once(owners, tokens, token) for token in tokens):
            continue
    return [[shard for shard, owner in owners.items() if owner == token] for token in range(workers)]


def _deal_once(owners: dict[int, int | None], tokens: Sequence[int], token: int) -> bool:
    take, give = deal(owners, tokens, token)
    owners |= dict.fromkeys(give) | dict.fromkeys(take, token)
    return bool(take or give)


def weighed(shards: Sequence[int], workers: int) -> list[list[int]]:
    """The shards of each worker if they were divided by load instead of by number."""
    return [sorted(each) for each in divide(dict(enumerate(shards)), workers)]


def busiest(shards: Sequence[int], division: Iterable[Iterable[int]]) -> float:
    """The share of the changes that the busiest worker has."""
    return max(sum(shards[each] for each in part) for part in division) / sum(shards)


def at_once(changes: Sequence[int], active: float, chance: random.Random) -> list[int]:
    """The same accounts at a moment when only a part of them, chosen at random, sends anything."""
    return [each if chance.random() < active else 0 for each in changes]


def cells_by_hash(accounts: Iterable[UUID], cells: int) -> list[int]:
    """The cell of each account by a hash: not by the bits that choose the shard, of which a cell would lack some."""
    return [int.from_bytes(blake2b(each.bytes, digest_size=8).digest()) % cells for each in accounts]


def cells_by_load(changes: Sequence[int], cells: int, chance: random.Random) -> list[int]:
    """The cell of each account if they come in any order, each into the cell that has the least when it comes."""
    filled, chosen = [(0, cell) for cell in range(cells)], [0] * len(changes)
    for account in chance.sample(range(len(changes)), len(changes)):
        has, chosen[account] = filled[0]
        heapreplace(filled, (has + changes[account], chosen[account]))
    return chosen


def first_beyond(limit: float, shares: Mapping[float, float]) -> float | None:
    """The lowest skew whose share is above `limit`; None where there is none."""
    return min((skew for skew, share in shares.items() if share > limit), default=None)
