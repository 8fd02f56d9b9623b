"""Segments: what is stored of a creation, an edit and a deletion, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.errors import RollcallError, StaleVersion
from domain.filters.parsing import MAX_CONDITIONS
from domain.segment import SegmentDraft, SegmentEdit
from domain.stored_events import SegmentCreated, SegmentDeleted, SegmentDetailsChanged, SegmentFilterChanged
from tests.support.commands.given_when_then import ACCOUNT, Command, Scene, assert_events, assert_refused, happened

ONE, TWO, THREE, UNKNOWN = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=9)
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
SILVER = [{"attribute": "plan", "operator": "equals", "value": "silver"}]


def naming(*segment_ids: UUID) -> list[Any]:
    return [{"attribute": "segment", "operator": "in", "value": [str(each) for each in segment_ids]}]


def plan_declared() -> Command[Any]:
    return lambda rollcall: rollcall.attributes.declare(ACCOUNT, "plan", "text", None)


def create(segment_id: UUID, raw: Any = None, name: str = "One", description: str = "") -> Command[Any]:
    draft = SegmentDraft(name, description, "static" if raw is None else "dynamic", raw)
    return lambda rollcall: rollcall.segments.create(ACCOUNT, draft, segment_id)


def edit(segment_id: UUID, expected: int | None = None, **fields: Any) -> Command[Any]:
    return lambda rollcall: rollcall.segments.edit(ACCOUNT, segment_id, SegmentEdit(**fields), expected)


def delete(segment_id: UUID, expected: int | None = None) -> Command[Any]:
    return lambda rollcall: rollcall.segments.delete(ACCOUNT, segment_id, expected)


DYNAMIC = [plan_declared(), create(ONE, GOLD)]


def test_a_dynamic_segment_is_created_with_its_filter_and_trimmed_texts() -> None:
    saved = assert_events(
        [plan_declared()],
        create(ONE, GOLD, name=" Gold ", description=" best "),
        [happened(SegmentCreated, name="Gold", description="best", type="dynamic", filter=GOLD)],
    )
    assert (saved.id, saved.version, saved.position) == (ONE, 1, 3)


def test_a_creation_repeated_under_its_id_returns_the_segment_as_it_is_now() -> None:
    saved = assert_events([*DYNAMIC, edit(ONE, name="Golden")], create(ONE, GOLD), [])
    assert (saved.id, saved.version) == (ONE, 2)


def test_a_filter_by_an_attribute_that_is_not_declared_is_refused() -> None:
    assert_refused([], create(ONE, GOLD), "unknown_attribute")
    assert_refused(DYNAMIC, edit(ONE, filter=[GOLD[0] | {"attribute": "tariff"}]), "unknown_attribute")


def test_a_filter_of_too_many_conditions_is_refused() -> None:
    assert_events([plan_declared()], create(ONE, GOLD * MAX_CONDITIONS), [happened(SegmentCreated)])
    assert_refused([plan_declared()], create(ONE, GOLD * (MAX_CONDITIONS + 1)), "too_many_conditions")


def test_an_edit_stores_only_what_differs() -> None:
    both = [happened(SegmentDetailsChanged, name="Golden"), happened(SegmentFilterChanged, filter=SILVER)]
    saved = assert_events(DYNAMIC, edit(ONE, name="Golden", filter=SILVER), both)
    assert saved.version == 3
    assert_events(DYNAMIC, edit(ONE, name="Golden", filter=GOLD), both[:1])
    assert_events(DYNAMIC, edit(ONE, filter=SILVER), both[1:])
    assert_events(DYNAMIC, edit(ONE, name="One", description="", filter=GOLD), [])
    assert_events(DYNAMIC, edit(ONE, description="best"), [happened(SegmentDetailsChanged, name="One")])


def test_an_edit_that_differs_only_in_what_is_not_stored_changes_nothing() -> None:
    as_browsers_send = create(ONE, name="One\u200b", description="l1\r\nl2\rl3\n")
    assert_events([], as_browsers_send, [happened(SegmentCreated, name="One", description="l1\nl2\nl3")])
    assert_events([as_browsers_send], edit(ONE, name=" One", description="l1\r\nl2\r\nl3"), [])


def test_an_edit_of_a_version_that_is_no_more_is_refused_and_names_the_present_one() -> None:
    history = [*DYNAMIC, edit(ONE, name="Golden")]
    refused = assert_refused(history, edit(ONE, expected=1, filter=SILVER), "stale_version")
    assert isinstance(refused, StaleVersion)
    assert refused.current == 2
    assert_events(history, edit(ONE, expected=2, filter=SILVER), [happened(SegmentFilterChanged)])


def test_a_static_segment_takes_no_filter() -> None:
    assert_refused([create(ONE)], edit(ONE, filter=[]), "static_has_no_filter")


@pytest.mark.parametrize("command", [edit(UNKNOWN, name="x"), delete(UNKNOWN)])
def test_what_is_not_there_is_neither_edited_nor_deleted(command: Command[Any]) -> None:
    assert_refused(DYNAMIC, command, "segment_not_found")


def test_a_deleted_segment_is_not_there() -> None:
    assert_refused([*DYNAMIC, delete(ONE)], edit(ONE, name="x"), "segment_not_found")
    assert_refused([*DYNAMIC, delete(ONE)], create(TWO, naming(ONE)), "unknown_segment")


def test_a_segment_is_deleted_unless_filters_name_it_or_the_version_is_stale() -> None:
    assert_events(DYNAMIC, delete(ONE, expected=1), [happened(SegmentDeleted, originator_version=2)])
    used = [*DYNAMIC, create(TWO, naming(ONE), "Best"), create(THREE, {"not": naming(ONE)[0]}, "All")]
    refused = assert_refused(used, delete(ONE), "segment_in_use")
    assert refused.detail == "One is used by the filters of: Best, All"
    unused = [*used, edit(TWO, filter=GOLD), delete(THREE)]
    assert_events(unused, delete(ONE), [happened(SegmentDeleted, originator_version=2)])
    only_text = [*DYNAMIC, create(TWO, [{"attribute": "plan", "operator": "equals", "value": str(ONE)}], "Text")]
    assert_events(only_text, delete(ONE), [happened(SegmentDeleted, originator_version=2)])
    assert_refused(DYNAMIC, delete(ONE, expected=2), "stale_version")


def test_segments_may_not_contain_each_other() -> None:
    assert_refused(DYNAMIC, edit(ONE, filter=naming(ONE)), "segment_cycle")
    assert_refused([*DYNAMIC, create(TWO, naming(ONE))], edit(ONE, filter=naming(TWO)), "segment_cycle")


def test_a_segment_of_another_account_cannot_be_named() -> None:
    def theirs(rollcall: Any) -> None:
        other = rollcall.accounts.create("other", "UTC", "PT").id
        rollcall.segments.create(other, SegmentDraft("Theirs"), TWO)

    assert_refused([theirs], create(ONE, naming(TWO)), "unknown_segment")
    assert_refused([theirs], edit(TWO, name="Mine"), "segment_not_found")


def overtaken(scene: Scene, by: Command[Any]) -> None:
    """Another writer's command is stored between the next command's decision and its append."""
    append, waiting = scene.rollcall.log.append, [by]

    def late(*arguments: Any, **named: Any) -> int:
        if waiting:
            waiting.pop()(scene.rollcall)
        return append(*arguments, **named)

    scene.rollcall.log.append = late  # type: ignore[method-assign]


def test_a_command_that_another_writer_overtook_decides_again() -> None:
    scene = Scene(DYNAMIC)
    overtaken(scene, edit(ONE, name="Theirs"))
    assert edit(ONE, name="Mine")(scene.rollcall).version == 3
    scene = Scene(DYNAMIC)
    overtaken(scene, edit(ONE, name="Theirs"))
    with pytest.raises(StaleVersion):
        edit(ONE, expected=1, name="Mine")(scene.rollcall)


@pytest.mark.parametrize(
    ("overtaking", "command", "code"),
    [
        (edit(TWO, filter=naming(ONE)), edit(ONE, filter=naming(TWO)), "segment_cycle"),
        (delete(TWO), edit(ONE, filter=naming(TWO)), "unknown_segment"),
        (delete(TWO), create(UNKNOWN, naming(TWO)), "unknown_segment"),
    ],
)
def test_a_filter_that_names_segments_is_checked_again_when_one_of_them_was_edited_or_deleted(
    overtaking: Command[Any], command: Command[Any], code: str
) -> None:
    scene = Scene([*DYNAMIC, create(TWO, GOLD, "Two")])
    overtaken(scene, overtaking)
    with pytest.raises(RollcallError, match=code):
        command(scene.rollcall)


def test_a_segment_is_not_deleted_once_a_filter_names_it() -> None:
    scene = Scene([*DYNAMIC, create(TWO, GOLD, "Two")])
    overtaken(scene, edit(ONE, filter=naming(TWO)))
    with pytest.raises(RollcallError, match="segment_in_use"):
        scene.rollcall.segments.delete(ACCOUNT, TWO, None)
