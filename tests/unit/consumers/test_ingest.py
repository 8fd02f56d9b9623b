"""The ingest loop against a script of batches: what it retries, what it drops, what stops it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from consumers import backoff, ingest
from consumers.ingest import Ingest
from consumers.records import Batch, Record, Slice
from consumers.topic_formats import RecordReader
from domain.commands.customers import Changed
from domain.commands.log import Receipt, Tracking
from domain.customer import CustomerChange, DeadLetter, Outcome
from domain.errors import FieldError, SourceMoved, StaleVersion, Unavailable

ACCOUNT = uuid4()
GOOD = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"rollcall.customer.opted_out.v1"),
    ("ce_source", b"/s"),
    ("ce_id", b"1"),
    ("ce_subject", b"c"),
]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(backoff, "MAX_SECONDS", 0.001)
    monkeypatch.setattr(ingest, "GATHER_SECONDS", 0)


class MachineClock:
    def now(self) -> datetime:
        return datetime(2026, 5, 20, tzinfo=UTC)

    def from_machine(self, milliseconds: int) -> int:
        return milliseconds


class Application:
    """Records what it is asked to store; `troubles` are raised first, one for each call."""

    def __init__(self, *troubles: BaseException) -> None:
        self.troubles = list(troubles)
        self.stored: list[tuple[UUID, list[CustomerChange], Sequence[Tracking], list[DeadLetter]]] = []
        self.receipts = Counter[Receipt]()
        self.calls = 0
        self.invalid: Callable[[CustomerChange], bool] = lambda change: False

    def change(
        self,
        account_id: UUID,
        changes: Sequence[CustomerChange],
        *,
        tracking: Sequence[Tracking],
        dead_letters: Sequence[DeadLetter],
        dead_letter_of: Callable[[int, tuple[FieldError, ...]], DeadLetter],
        receipts_of: Callable[[Sequence[Outcome]], Mapping[Receipt, int]],
    ) -> Changed:
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        errors = (FieldError("/phone", "invalid_phone", "no number\x00\ud800"), FieldError("/name", "x", "y"))
        letters = [*dead_letters]
        outcomes = []
        for index, change in enumerate(changes):
            if self.invalid(change):
                letters.append(dead_letter_of(index, errors))
                outcomes.append(Outcome("invalid", uuid4(), errors=errors))
            else:
                outcomes.append(Outcome("changed", uuid4()))
        self.stored.append((account_id, list(changes), tracking, letters))
        self.receipts.update(receipts_of(outcomes))
        return Changed(7, outcomes, {})


class Script:
    """Gives batches, or raises, and sets `stop` at its end."""

    def __init__(self, stop: threading.Event, *steps: Batch | BaseException | None) -> None:
        self._steps: Iterator[Batch | BaseException | None] = iter(steps)
        self._stop = stop
        self.rewound: list[Batch] = []
        self.stored_offsets: list[int] = []
        self.closed = False

    def next_batch(self, timeout: float) -> Batch | None:
        step = next(self._steps, self)
        if step is self:
            self._stop.set()
            return None
        if isinstance(step, BaseException):
            raise step
        assert step is None or isinstance(step, Batch)
        return step

    def rewind(self, batch: Batch) -> None:
        self.rewound.append(batch)

    def stored(self, batch: Batch) -> None:
        self.stored_offsets += [each.last_offset for each in batch.slices]

    def close(self) -> None:
        self.closed = True


class LetterPublisher:
    def __init__(self) -> None:
        self.woken = 0

    def start(self) -> None: ...

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None: ...


def batch(first: int, good: int, bad: int = 0, previous: int | None = None) -> Batch:
    records = [Record(first + number, 5, b"c", b"", list(GOOD)) for number in range(good)]
    records += [Record(first + good + number, 5, b"c", b"{", [("x", None)]) for number in range(bad)]
    return Batch("t", [Slice(3, "kafka:t:id:3", previous, records, 0)])


def run(app: Any, *steps: Batch | BaseException | None) -> tuple[Script, LetterPublisher]:
    stop = threading.Event()
    source, publisher = Script(stop, *steps), LetterPublisher()
    try:
        Ingest(app, source, {"t": ACCOUNT}, publisher, RecordReader(MachineClock()), stop).run()
    finally:
        assert source.closed
    return source, publisher


def test_a_batch_and_its_position_are_stored_in_one_call() -> None:
    app = Application()
    source, publisher = run(app, None, batch(10, 2, 1, previous=9))
    ((account, changes, tracking, letters),) = app.stored
    assert account == ACCOUNT
    assert [change.kind for change in changes] == ["opted_out"] * 2
    assert tracking == [Tracking("kafka:t:id:3", 12, 9)]
    assert [(letter.topic, letter.partition, letter.offset, letter.code) for letter in letters] == [
        ("t", 3, 12, "not_a_cloud_event")
    ]
    assert letters[0].headers == [("x", None)]
    assert publisher.woken == 1
    assert source.stored_offsets == [12]
    assert app.receipts == {
        Receipt("kafka", "record", "t", "changed"): 2,
        Receipt("kafka", "record", "t", "invalid"): 1,
    }


def test_the_records_of_several_partitions_are_stored_in_one_call_with_the_position_of_each() -> None:
    app = Application()
    app.invalid = lambda change: True
    (first,), (second,) = batch(10, 1, previous=9).slices, batch(0, 1).slices
    source, _ = run(app, Batch("t", [first, replace(second, partition=4, name="kafka:t:id:4")]))
    ((_, changes, tracking, letters),) = app.stored
    assert len(changes) == 2
    assert tracking == [Tracking("kafka:t:id:3", 10, 9), Tracking("kafka:t:id:4", 0, None)]
    assert [(letter.partition, letter.offset) for letter in letters] == [(3, 10), (4, 0)]
    assert source.stored_offsets == [10, 0]


def test_a_change_that_the_application_refuses_becomes_a_dead_letter_of_its_record() -> None:
    app = Application()
    app.invalid = lambda change: True
    _, publisher = run(app, batch(10, 2))
    (_, _, _, letters) = app.stored[0]
    assert [letter.offset for letter in letters] == [10, 11]
    assert {letter.code for letter in letters} == {"invalid_phone"}
    assert letters[0].message == "/phone: no number�?; /name: y"
    assert letters[0].value == b""
    assert publisher.woken == 1


def test_the_same_batch_is_retried_while_broker_or_database_are_unavailable() -> None:
    error = Unavailable("database_unavailable", "error")
    app = Application(error, error, error)
    source, _ = run(app, Unavailable("broker_unavailable", "error"), batch(0, 1), batch(1, 1, previous=0))
    assert [each.offset for _, _, tracking, _ in app.stored for each in tracking] == [0, 1]
    assert app.calls == 5
    assert source.rewound == []


def test_a_batch_that_another_process_ingested_is_dropped_with_the_one_after_it() -> None:
    app = Application(SourceMoved("kafka:t:id:0"))
    first, prepared = batch(0, 1), batch(1, 1, previous=0)
    source, _ = run(app, first, prepared, batch(5, 1, previous=4))
    assert source.rewound == [first, prepared]
    assert [each.offset for _, _, tracking, _ in app.stored for each in tracking] == [5]
    assert source.stored_offsets == [5]


@pytest.mark.parametrize("bug", [ZeroDivisionError(), StaleVersion("of something else")])
def test_an_unexpected_error_stops_the_process(bug: BaseException) -> None:
    app = Application(bug)
    with pytest.raises(type(bug)):
        run(app, batch(0, 1), batch(1, 1))
    assert app.stored == []


def test_an_alarm_is_logged_once_when_most_records_are_invalid() -> None:
    with capture_logs() as logs:
        run(Application(), *(batch(100 * number, 40, 60) for number in range(30)))
        assert [entry["log_level"] for entry in logs if entry["event"] == "mostly_invalid"] == ["error"]
        logs.clear()
        run(Application(), *(batch(100 * number, 51, 49) for number in range(30)), batch(0, 0, 9))
        assert [entry for entry in logs if entry["event"] == "mostly_invalid"] == []


def test_the_log_line_of_a_batch_has_counts_only() -> None:
    with capture_logs() as logs:
        run(Application(), batch(4, 2, 1))
    (line,) = [entry for entry in logs if entry["event"] == "batch"]
    assert {
        "offsets": {3: "4-6"},
        "records": 3,
        "changed": 2,
        "invalid": 1,
        "lag": 0,
        "position": 7,
    }.items() <= line.items()
    assert "ms" in line


def test_waits_grow_to_a_limit_and_end_when_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    stop = threading.Event()
    spans: list[float] = []
    monkeypatch.setattr(stop, "wait", spans.append)
    waits = backoff.Backoff(stop)
    for _ in range(12):
        waits.wait()
    limits = [min(5.0, 0.1 * 2**number) for number in range(12)]
    assert all(limit / 2 <= span <= limit for span, limit in zip(spans, limits, strict=True))
    waits.reset()
    waits.wait()
    assert spans[-1] <= 0.1


def test_the_next_batch_is_read_while_one_is_stored_and_stored_after_it() -> None:
    """And no third: the store of the first waits here until the second was read."""
    read_second = threading.Event()

    class Slow(Application):
        def change(self, account_id: UUID, changes: Sequence[CustomerChange], **asked: Any) -> Changed:
            assert read_second.wait(10)
            assert source.read <= len(self.stored) + 2
            return super().change(account_id, changes, **asked)

    class Watched(Script):
        read = 0

        def next_batch(self, timeout: float) -> Batch | None:
            self.read += 1
            if self.read == 2:
                read_second.set()
            return super().next_batch(timeout)

    app, stop = Slow(), threading.Event()
    source = Watched(stop, batch(0, 1), batch(1, 1, previous=0), batch(2, 1, previous=1))
    Ingest(app, source, {"t": ACCOUNT}, LetterPublisher(), RecordReader(MachineClock()), stop).run()  # type: ignore[arg-type]
    assert [each.offset for _, _, tracking, _ in app.stored for each in tracking] == [0, 1, 2]
    assert source.stored_offsets == [0, 1, 2]


def test_after_a_batch_of_few_records_more_are_gathered_and_after_one_of_many_they_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "GATHER_SECONDS", 60)
    stop = threading.Event()
    waits: list[float] = []
    monkeypatch.setattr(stop, "wait", waits.append)
    source = Script(stop, batch(0, ingest.FEW - 1), None, batch(ingest.FEW - 1, ingest.FEW, previous=ingest.FEW - 2))
    Ingest(Application(), source, {"t": ACCOUNT}, LetterPublisher(), RecordReader(MachineClock()), stop).run()  # type: ignore[arg-type]
    assert [50 < seconds <= 60 for seconds in waits] == [True]


def test_a_batch_at_hand_is_stored_although_the_broker_is_away() -> None:
    app = Application(Unavailable("database_unavailable", "error"))
    source, _ = run(app, batch(0, 1), Unavailable("broker_unavailable", "error"), batch(1, 1, previous=0))
    assert source.stored_offsets == [0, 1]
