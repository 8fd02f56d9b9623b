"""When a message is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.webhooks.retries import LONGEST, is_long_failure, wait_after

NOW = datetime(2026, 5, 20, tzinfo=UTC)


def seconds(attempts: int, chance: float, asked: timedelta | None = None) -> float:
    return wait_after(attempts, chance, asked).total_seconds()


def test_waits_double_up_to_an_hour() -> None:
    assert [seconds(attempts, 1) for attempts in (1, 2, 3, 10, 11, 12, 13, 10_000)] == [
        2, 4, 8, 1024, 2048, 3600, 3600, 3600
    ]  # fmt: skip


def test_up_to_half_of_a_wait_is_left_out_at_random() -> None:
    assert [seconds(1, chance) for chance in (0, 0.5, 1)] == [1, 1.5, 2]


def test_a_receiver_may_ask_for_longer_but_not_for_more_than_an_hour() -> None:
    assert seconds(1, 1, timedelta(minutes=5)) == 300
    assert seconds(8, 1, timedelta(seconds=1)) == 256
    assert wait_after(1, 1, timedelta(days=9)) == LONGEST


def test_a_failure_is_long_once_patience_is_over() -> None:
    patience = timedelta(days=5)
    assert not is_long_failure(NOW, NOW + patience - timedelta(seconds=1), patience)
    assert is_long_failure(NOW, NOW + patience, patience)
