"""How workers divide the shards: each decides for itself, and together they agree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from projections.worker.rebuild import divide
from projections.worker.shards.leases import deal
from projections.worker.shards.shard import ALL, SHARDS

WORKERS = st.lists(st.integers(1, 100), min_size=1, max_size=80, unique=True)


@given(WORKERS, st.data())
def test_whoever_has_what_the_shards_are_divided_evenly_in_two_rounds(workers: list[int], data: st.DataObject) -> None:
    owners = dict(data.draw(st.fixed_dictionaries({each: st.sampled_from([None, *workers]) for each in sorted(ALL)})))
    for _ in range(2):
        for token in data.draw(st.permutations(workers)):
            take, give = deal(owners, workers, token)
            assert not (take and give)
            owners |= dict.fromkeys(give) | dict.fromkeys(take, token)
    counts = [list(owners.values()).count(token) for token in workers]
    assert sum(counts) == SHARDS
    assert max(counts) - min(counts) <= 1
    assert all(not any(deal(owners, workers, token)) for token in workers), "nothing moves once they are even"


@given(WORKERS, st.data())
def test_a_worker_takes_only_what_is_free_and_gives_only_its_own(workers: list[int], data: st.DataObject) -> None:
    owners = data.draw(st.fixed_dictionaries({each: st.sampled_from([None, *workers]) for each in sorted(ALL)}))
    for token in workers:
        take, give = deal(owners, workers, token)
        assert all(owners[each] is None for each in take)
        assert all(owners[each] == token for each in give)


@given(st.dictionaries(st.sampled_from(sorted(ALL)), st.integers(1, 1_000)), st.integers(1, 8))
def test_a_rebuild_divides_the_shards_by_their_events(weights: dict[int, int], parts: int) -> None:
    divided = divide(weights, parts)
    assert sorted(shard for part in divided for shard in part) == sorted(weights)
    loads = [sum(weights[shard] for shard in part) for part in divided]
    assert max(loads) - min(loads) <= max(weights.values(), default=0)
