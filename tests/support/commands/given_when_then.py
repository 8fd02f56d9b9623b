"""Commands as given, when, then: what happened before, one command, and the events it must append.

Everything runs on a store in memory, in an account that exists, on a clock that stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from domain.account import account_id_of
from domain.commands.application import Rollcall
from domain.commands.event_mapper import EventMapper
from domain.errors import RollcallError
from domain.stored_events import Event
from tests.support.commands.memory_store import MemoryStore

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
ACCOUNT = account_id_of("default")

Answer = TypeVar("Answer")
Command = Callable[[Rollcall], Answer]
Happened = tuple[type[Event], dict[str, Any]]


class Scene:
    """An application over an empty store, with one account."""

    def __init__(self, history: Iterable[Command[Any]] = ()) -> None:
        self.store = MemoryStore()
        self.now = NOW
        self.rollcall = Rollcall(self.store, lambda: self.now)
        self.rollcall.accounts.create("default", "Europe/Lisbon", "PT")
        for command in history:
            command(self.rollcall)

    def events(self, after: int = 0) -> list[Event]:
        """The events behind a position."""
        return [EventMapper().to_domain_event(event) for _, event in self.store.log[after:]]


def happened(kind: type[Event], /, **fields: Any) -> Happened:
    """An event of this type that has these fields, whatever else it has."""
    return kind, fields


def assert_events(history: Iterable[Command[Any]], command: Command[Answer], expected: Sequence[Happened]) -> Answer:
    """After `history`, `command` appends exactly the events that are `expected`. Returns its answer."""
    scene = Scene(history)
    before = scene.store.head()
    answer = command(scene.rollcall)
    appended = scene.events(after=before)
    assert [type(event) for event in appended] == [kind for kind, _ in expected]
    for event, (_, fields) in zip(appended, expected, strict=True):
        assert {key: getattr(event, key) for key in fields} == fields
    return answer


def assert_refused(history: Iterable[Command[Any]], command: Command[Any], code: str) -> RollcallError:
    """After `history`, `command` is refused with this code, and appends nothing. Returns the error."""
    scene = Scene(history)
    before = scene.store.head()
    with pytest.raises(RollcallError) as refused:
        command(scene.rollcall)
    assert refused.value.code == code, refused.value
    assert scene.store.head() == before
    return refused.value
