"""CSV imports: what becomes of each line of a chunk, and that every one is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commands.imports import TOGETHER
from domain.customer import CustomerChange, customer_id_of, customer_id_of_phone, parse_customer_data
from domain.errors import NotFound, Refused, Unavailable
from domain.import_lines import Counts, ImportChunk, ImportLine, ImportLineError, ImportStep
from domain.segment import SegmentDraft
from domain.stored_events import CustomerChanged, StaticMembersAdded
from tests.support.commands.given_when_then import ACCOUNT, NOW, Scene

LIST, CSV = UUID(int=1), UUID(int=5)
PHONE, OTHER = "+351912345678", "+351912345679"
ANA = customer_id_of(ACCOUNT, "ana")


def chunk(*lines: ImportLine, before: int = 0, **fields: Any) -> ImportChunk:
    rest: dict[str, Any] = {"errors": [], "duplicates": 0, "blank": 0, "finished": False}
    return ImportChunk(CSV, LIST, before, lines, percent=50, header=["phone", "name"], **rest | fields)


def line(phone: str, name: str | None = None, row: int = 1) -> ImportLine:
    return ImportLine(row, phone, name)


@pytest.fixture
def scene() -> Scene:
    """An account with a static segment, a customer `ana` with a phone number, and an import that has begun."""
    made = Scene()
    made.rollcall.segments.create(ACCOUNT, SegmentDraft("List"), LIST)
    change(made, phone=PHONE)
    made.store.begin_import(ACCOUNT, CSV)
    return made


def change(scene: Scene, who: str = "ana", /, **body: Any) -> None:
    data = parse_customer_data(body)
    changed = CustomerChange(who, "changed", NOW, data)
    scene.rollcall.customers.change(ACCOUNT, [changed])


def ingested(scene: Scene, asked: ImportChunk) -> tuple[ImportStep, Sequence[Any]]:
    before = scene.store.head()
    step = scene.rollcall.imports.ingest(ACCOUNT, asked)
    assert scene.store.steps[-1] == step
    return step, scene.events(after=before)


def test_a_number_that_no_customer_has_becomes_a_customer(scene: Scene) -> None:
    step, events = ingested(scene, chunk(line(OTHER, "Eva")))
    assert step.counts == Counts(created_customers=1)
    created, added = events
    assert isinstance(created, CustomerChanged)
    assert (created.originator_id, created.created) == (customer_id_of_phone(ACCOUNT, OTHER), True)
    assert (created.values, created.source) == ({"phone": OTHER, "name": "Eva"}, f"import:{CSV}")
    assert isinstance(added, StaticMembersAdded)
    assert (added.customer_ids, added.cause) == ([created.originator_id], "import")


def test_a_known_number_adds_its_customer_and_a_name_fills_only_an_empty_one(scene: Scene) -> None:
    step, (named, added) = ingested(scene, chunk(line(PHONE, "Ana")))
    assert step.counts == Counts(added=1)
    assert (named.originator_id, named.values) == (ANA, {"name": "Ana"})
    assert added.customer_ids == [ANA]
    step, events = ingested(scene, chunk(line(PHONE, "Another"), before=1))
    assert (step.counts, events) == (Counts(already_members=1), [])


def test_a_number_that_two_customers_have_means_the_older_one(scene: Scene) -> None:
    scene.now = NOW + timedelta(minutes=1)
    change(scene, "eva", phone=PHONE)
    _, (added,) = ingested(scene, chunk(line(PHONE)))
    assert added.customer_ids == [ANA]


def test_every_row_is_counted_in_one_class(scene: Scene) -> None:
    wrong = ImportLineError(3, ["x"], "invalid_phone", "not a phone number")
    step, _ = ingested(scene, chunk(line(PHONE), line(OTHER, row=2), errors=[wrong], duplicates=2, blank=4))
    counts = Counts(added=1, created_customers=1, duplicates_in_file=2, blank=4, invalid=1)
    assert (step.counts, step.counts.lines) == (counts, 9)
    assert step.errors == [wrong]


def test_members_follow_their_customers_in_groups(scene: Scene) -> None:
    lines = [line(f"+3519{number:08}", row=number) for number in range(TOGETHER + 1)]
    _, events = ingested(scene, chunk(*lines))
    groups = [len(event.customer_ids) for event in events if isinstance(event, StaticMembersAdded)]
    assert groups == [TOGETHER, 1]
    assert [type(event) for event in events].index(StaticMembersAdded) == TOGETHER


def test_a_chunk_that_was_counted_is_not_counted_again(scene: Scene) -> None:
    ingested(scene, chunk(line(OTHER)))
    with pytest.raises(Unavailable, match="contention"):
        scene.rollcall.imports.ingest(ACCOUNT, chunk(line(OTHER)))
    assert [step.counts.lines for step in scene.store.steps] == [1]


def test_a_customer_erased_since_the_file_was_uploaded_is_refused_with_nothing_of_theirs(scene: Scene) -> None:
    wrong = ImportLineError(2, ["Ana", PHONE], "too_many_cells", "more cells than columns", [PHONE])
    scene.rollcall.customers.erase(ACCOUNT, [ANA])
    step, events = ingested(scene, chunk(line(PHONE, "Ana"), errors=[wrong]))
    assert (step.counts, events) == (Counts(invalid=2), [])
    assert [(each.row, each.code, each.cells, each.numbers) for each in step.errors] == [
        (1, "customer_erased", (), ()),
        (2, "too_many_cells", (), ()),
    ]


def test_a_chunk_decided_before_an_erasure_is_decided_again(scene: Scene) -> None:
    append, attempts = scene.rollcall.log.append, list[int]()

    def overtaken(*arguments: Any) -> int:
        attempts.append(1)
        if len(attempts) == 1:
            scene.rollcall.customers.erase(ACCOUNT, [ANA])
        return append(*arguments)

    scene.rollcall.log.append = overtaken  # type: ignore[method-assign, assignment]
    step, events = ingested(scene, chunk(line(PHONE, "Ana")))
    assert step.counts == Counts(invalid=1)
    assert len(events) == 1, "the erasure alone"


def test_a_segment_that_was_deleted_or_is_dynamic_takes_no_file(scene: Scene) -> None:
    scene.rollcall.segments.delete(ACCOUNT, LIST, None)
    with pytest.raises(NotFound, match="segment_not_found"):
        scene.rollcall.imports.ingest(ACCOUNT, chunk(line(PHONE)))
    dynamic = UUID(int=2)
    scene.rollcall.segments.create(ACCOUNT, SegmentDraft("Gold", "", "dynamic"), dynamic)
    with pytest.raises(Refused, match="members_are_computed"):
        scene.rollcall.segments.require_static(ACCOUNT, dynamic)


def test_an_import_that_has_ended_takes_no_rows(scene: Scene) -> None:
    ingested(scene, chunk(line(OTHER), finished=True))
    with pytest.raises(Unavailable):
        scene.rollcall.imports.ingest(ACCOUNT, chunk(line(PHONE), before=1))
