"""Jobs: one thing done to many customers, each counted in one class, and taken back for exactly those it changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.jobs.job import JobPart, JobStep, JobTask, Reversal
from domain.segment import SegmentDraft
from domain.stored_events import CustomerChanged, StaticMembersAdded, StaticMembersRemoved
from domain.values import MAX_MEMBERS
from tests.support.commands.given_when_then import (
    ACCOUNT,
    NOW,
    Command,
    Scene,
    assert_events,
    assert_refused,
    happened,
)

LIST, DYNAMIC, JOB, OTHER_JOB = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
ANA, EVA, RUI, UNKNOWN = (customer_id_of(ACCOUNT, name) for name in ("ana", "eva", "rui", "unknown"))
ADD, REMOVE = JobTask(JOB, "add", LIST, by="key:a"), JobTask(JOB, "remove", LIST, by="person:b")


def customer(name: str, *tags: str, kind: Any = "changed") -> Command[Any]:
    data = CustomerData(tags=list(tags)) if kind == "changed" else None
    return lambda rollcall: rollcall.customers.change(ACCOUNT, [CustomerChange(name, kind, NOW, data)])


def create(segment_id: UUID, kind: Any = "static") -> Command[Any]:
    return lambda rollcall: rollcall.segments.create(ACCOUNT, SegmentDraft("List", "", kind), segment_id)


def add(*customer_ids: UUID) -> Command[Any]:
    return lambda rollcall: rollcall.members.add(ACCOUNT, LIST, customer_ids)


def do(task: JobTask, *customer_ids: UUID, number: int = 0) -> Command[JobStep]:
    return lambda rollcall: rollcall.jobs.do_part(ACCOUNT, task, JobPart(number, customer_ids, True))


def tag(value: str, action: Any = "tag") -> JobTask:
    return JobTask(JOB, action, attribute="tags", value=value)


HISTORY = [customer("ana", "VIP"), customer("eva"), customer("rui"), create(LIST), create(DYNAMIC, "dynamic")]


def test_customers_are_added_to_a_list_and_each_is_counted_once() -> None:
    step = assert_events(
        [*HISTORY, add(ANA), customer("rui", kind="deleted")],
        do(ADD, ANA, EVA, RUI, UNKNOWN),
        [happened(StaticMembersAdded, segment_id=LIST, customer_ids=[EVA], cause="manual", by="key:a")],
    )
    assert (step.counts.changed, step.counts.unchanged, step.counts.not_found) == (1, 1, 2)
    assert step.counts.customers == 4


def test_customers_are_removed_from_a_list() -> None:
    step = assert_events(
        [*HISTORY, add(ANA)],
        do(REMOVE, ANA, EVA, UNKNOWN),
        [happened(StaticMembersRemoved, segment_id=LIST, customer_ids=[ANA], by="person:b")],
    )
    assert (step.counts.changed, step.counts.unchanged, step.counts.not_found) == (1, 1, 1)


def test_a_tag_is_given_to_those_who_lack_it_however_it_is_written() -> None:
    step = assert_events(
        HISTORY,
        do(tag("vip"), ANA, EVA, UNKNOWN),
        [happened(CustomerChanged, originator_id=EVA, values={"tags": ["vip"]})],
    )
    assert (step.counts.changed, step.counts.unchanged, step.counts.not_found) == (1, 1, 1)
    step = assert_events(
        HISTORY,
        do(tag("vip", "untag"), ANA, EVA),
        [happened(CustomerChanged, originator_id=ANA, values={"tags": None})],
    )
    assert (step.counts.changed, step.counts.unchanged) == (1, 1)


def test_a_list_that_is_full_takes_no_further_tag() -> None:
    full = customer("ana", *(f"t{n}" for n in range(MAX_MEMBERS)))
    step = assert_events([full], do(tag("one more"), ANA), [])
    assert (step.counts.refused, step.counts.customers) == (1, 1)


@pytest.mark.parametrize("task", [ADD, REMOVE])
def test_a_change_by_job_is_taken_back_for_exactly_those_it_changed(task: JobTask) -> None:
    """Eva was as wanted before the job, and stays when the job is taken back."""
    scene = Scene([*HISTORY, *([add(EVA)] if task is ADD else [add(ANA, RUI)])])
    for number, customer_id in enumerate((ANA, EVA, RUI)):
        do(task, customer_id, number=number)(scene.rollcall)
    reversal = scene.rollcall.jobs.reversal(ACCOUNT, scene.store.head())
    assert reversal == Reversal(JOB, "remove" if task is ADD else "add", LIST)
    (first, second) = scene.rollcall.jobs.customers_of_change(ACCOUNT, JOB)
    assert [*first, *second] == [ANA, RUI]
    back = JobTask(OTHER_JOB, reversal.action, LIST)
    assert do(back, *first, *second)(scene.rollcall).counts.changed == 2


def test_a_change_by_hand_is_taken_back_by_any_of_its_positions() -> None:
    scene = Scene([*HISTORY, add(ANA, EVA)])
    assert scene.rollcall.jobs.reversal(ACCOUNT, scene.store.head()).action == "remove"


@pytest.mark.parametrize("position", [1, 6, 99])
def test_only_a_change_of_members_can_be_taken_back(position: int) -> None:
    assert_refused([*HISTORY, add(ANA)], lambda rollcall: rollcall.jobs.reversal(ACCOUNT, position), "change_not_found")


def test_a_change_of_a_deleted_list_cannot_be_taken_back() -> None:
    def delete(rollcall: Rollcall) -> Any:
        return rollcall.segments.delete(ACCOUNT, LIST, None)

    scene = Scene([*HISTORY, add(ANA)])
    position = scene.store.head()
    assert_refused(
        [*HISTORY, add(ANA), delete], lambda rollcall: rollcall.jobs.reversal(ACCOUNT, position), "segment_not_found"
    )


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (JobTask(JOB, "add", DYNAMIC), "members_are_computed"),
        (JobTask(JOB, "add", UNKNOWN), "segment_not_found"),
        (tag(""), "value_missing"),
        (JobTask(JOB, "tag", attribute="nothing", value="x"), "unknown_attribute"),
        (JobTask(JOB, "tag", attribute="name", value="x"), "attribute_type_mismatch"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_job_begins(task: JobTask, code: str) -> None:
    assert_refused(HISTORY, lambda rollcall: rollcall.jobs.checked(ACCOUNT, task), code)
