"""Freshness in figures: the short form of an arrival, the counts of a batch, and what is read off them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, Histogram

from domain.instants import DOORS, Arrival, Door, micros
from projections.records.freshness import BOUNDS, quantile
from projections.worker.freshness import counts_of

RECORDED = micros(datetime(2026, 3, 1, 12, tzinfo=UTC)) // 1000


@pytest.mark.parametrize("door", DOORS.values())
def test_an_event_keeps_the_door_and_how_long_before_it_was_recorded_in_a_few_characters(door: Door) -> None:
    via = Arrival(door, RECORDED - 125).before(RECORDED)
    assert (DOORS[via[0]], via[1:]) == (door, "125")


def test_a_publisher_whose_clock_is_ahead_published_just_now() -> None:
    assert Arrival("kafka", RECORDED + 5_000).before(RECORDED) == "k0"


def test_a_batch_is_counted_as_the_library_would_count_each_change() -> None:
    ages = [0, 4_999, 5_000, 5_001, 12_000, 250_000, 299_999_999, 300_000_000, 300_000_001, 10**12]
    metric = Histogram("one_by_one", "The same, one at a time", buckets=BOUNDS, registry=CollectorRegistry())
    for age in ages:
        metric.observe(age / 1_000_000)
    assert counts_of(ages) == [bucket.get() for bucket in metric._buckets]


def test_a_quantile_lies_in_the_bucket_of_its_change() -> None:
    counts = [0] * 14 + [0]
    counts[2], counts[5] = 98, 2
    assert quantile(counts, 0.5) == pytest.approx(0.01 + 0.01 * 50 / 98)
    assert quantile(counts, 0.99) == pytest.approx(0.08 + 0.07 / 2)


def test_what_took_longer_than_the_last_bucket_has_no_figure() -> None:
    assert quantile([0] * 14 + [3], 0.5) is None
