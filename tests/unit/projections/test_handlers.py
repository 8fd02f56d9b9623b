"""The table of event handlers is complete."""

from __future__ import annotations

from domain.commands.event_mapper import EVENT_TYPES
from projections.worker.handlers import HANDLERS, RUN_HANDLERS


def test_every_stored_event_type_is_handled_in_runs_or_on_its_own() -> None:
    assert {*RUN_HANDLERS, *HANDLERS} == {*EVENT_TYPES.values()}
    assert not {*RUN_HANDLERS} & {*HANDLERS}
