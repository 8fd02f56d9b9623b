"""What `python -m tests.performance cells` computes: how changes of unequal accounts fall on workers and cells."""

from __future__ import annotations

import random

import pytest

from projections.worker.shards.shard import SHARDS, shard_of
from tests.performance.cells import division


def test_a_skew_of_zero_makes_equal_accounts_and_one_makes_the_second_half_as_large() -> None:
    assert division.sizes(4, 0) == [division.CHANGES // 4] * 4
    first, second, *_ = division.sizes(1_000, 1.0)
    assert second == pytest.approx(first / 2, rel=1e-6)
    assert sum(division.sizes(1_000, 1.0)) == pytest.approx(division.CHANGES, rel=1e-6)


@pytest.mark.parametrize("workers", [1, 3, 16, 64])
def test_workers_that_join_one_after_another_end_with_every_shard_once_and_the_same_number(workers: int) -> None:
    parts = division.dealt(workers)
    assert sorted(shard for part in parts for shard in part) == list(range(SHARDS))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_busiest_has_at_least_what_the_largest_account_has_and_by_load_no_more_than_by_number() -> None:
    changes = division.sizes(1_000, 1.0)
    shards = division.loads(division.shards_of(division.named(1_000, 0)), changes, SHARDS)
    by_number = division.busiest(shards, division.dealt(8))
    by_load = division.busiest(shards, division.weighed(shards, 8))
    assert max(changes) / sum(changes) <= by_load <= by_number


def test_one_account_alone_keeps_one_worker_busy_however_many_there_are() -> None:
    shards = division.loads(division.shards_of(division.named(1, 0)), division.sizes(1, 1.0), SHARDS)
    assert {division.busiest(shards, division.dealt(workers)) for workers in (1, 2, 16)} == {1.0}


def test_a_cell_chosen_by_hash_has_accounts_of_every_shard() -> None:
    ids = division.named(5_000, 0)
    cells = division.cells_by_hash(ids, 4)
    for cell in range(4):
        assert len({shard_of(each) for each, chosen in zip(ids, cells, strict=True) if chosen == cell}) == SHARDS


def test_accounts_of_equal_size_fill_the_cells_evenly_when_each_goes_where_there_is_least() -> None:
    changes = division.sizes(100, 0)
    chosen = division.cells_by_load(changes, 4, random.Random(0))
    assert [chosen.count(cell) for cell in range(4)] == [25] * 4


def test_the_skew_from_which_a_division_is_uneven_is_the_lowest_above_the_limit() -> None:
    assert division.first_beyond(0.5, {0.0: 0.4, 0.5: 0.6, 1.0: 0.9}) == 0.5
    assert division.first_beyond(0.9, {0.0: 0.4, 1.0: 0.9}) is None
