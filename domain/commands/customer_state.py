"""What is kept of a customer beside the log, and which part of their next change takes effect.

`changes.change_batch` lets `decide` fold changes into it; `projections.records.customer_states` stores it. Each
attribute remembers the time of its change, so redelivery, reordering and retries converge (SEMANTICS, "Merging
changes"). A deletion is a floor: it removes whatever is older than itself, and refuses what is older but arrives later.
Loading and storing a state is most of what a change costs, so what is not looked at stays as it was read.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from domain.customer import NEVER_MISSING, CustomerChange, Result
from domain.instants import from_micros, micros
from domain.values import Value

_MARK_BYTES = 8
_REMEMBERED = 16
# An integer beyond them would be rounded by readers that know only binary floats.
_LEAST, _MOST = -(2**53), 2**53


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the API shows them; `values` holds every attribute, built-in ones too."""

    customer_id: UUID
    external_id: str | None
    values: dict[str, Value]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class CustomerState:
    """What last-writer-wins needs of a customer: each value with its time, in microseconds since 1970.

    `revision` moves with every write, with or without an event; events take it as their version. `packed` holds the
    values as they are stored: a list of the value and its time, and of `number` where the value is given as its digits.
    Such a list is never altered. `recent` holds the marks of the last changes that were seen, one after the other.
    """

    customer_id: UUID
    external_id: str | None = None
    exists: bool = False
    revision: int = 0
    version: int = 0
    created: int = 0
    updated: int = 0
    touched: int = 0
    floor: int = 0
    packed: dict[str, list[Any]] = field(default_factory=dict)
    recent: bytes = b""

    @property
    def phone(self) -> str | None:
        """The phone number of a customer who exists."""
        value = self.packed.get("phone", (None, 0))[0] if self.exists else None
        return value if isinstance(value, str) else None

    @property
    def opted_out(self) -> bool:
        """Whether a customer who exists has opted out."""
        return self.exists and self.packed.get("opted_out", (False, 0))[0] is True

    def value(self, key: str) -> tuple[Value | None, int] | None:
        """The value that was set last, and its time; `None` where none was ever set."""
        packed = self.packed.get(key)
        return None if packed is None else (_unpacked(*packed), packed[1])

    def values(self) -> dict[str, Value | None]:
        """Every value that was set, those that were removed as `None`."""
        return {key: _unpacked(*packed) for key, packed in self.packed.items()}

    def set(self, key: str, value: Value | None, time: int) -> None:
        """Set a value, as of a time."""
        self.packed[key] = _packed(value, time)

    def meet(self, time: int) -> bool:
        """Note that the customer did something at a time. Returns whether they did not exist, and do from here on."""
        self.touched = max(self.touched, time)
        is_new, self.exists = not self.exists, True
        return is_new

    def remember(self, mark: bytes) -> bool:
        """Remember a change by its mark. Returns whether it is new."""
        place = self.recent.find(mark)
        while place >= 0 and place % _MARK_BYTES:
            place = self.recent.find(mark, place + 1)
        if place >= 0:
            return False
        self.recent = self.recent[-(_REMEMBERED - 1) * _MARK_BYTES :] + mark
        return True

    def replace_times_after(self, latest: int) -> None:
        """Replace each time after `latest`, which only a wrong clock can have set: it would win until it has passed.

        It becomes the time of the last change that took effect, or where that is after `latest` too, the beginning.
        """
        if self.touched <= latest and self.floor <= latest:
            return
        changed = self.updated if self.updated <= latest else 0

        def possible(time: int) -> int:
            return time if time <= latest else changed

        self.packed = {key: [value, possible(time), *kind] for key, (value, time, *kind) in self.packed.items()}
        self.floor = possible(self.floor)
        self.touched = max(possible(self.touched), self.floor, *(packed[1] for packed in self.packed.values()))

    def dump(self) -> bytes:
        """The state as it is stored."""
        return orjson.dumps(
            {
                "x": self.external_id,
                "e": self.exists,
                "n": self.version,
                "c": self.created,
                "u": self.updated,
                "t": self.touched,
                "f": self.floor,
                "a": self.packed,
                "r": b64encode(self.recent).decode(),
            }
        )

    @classmethod
    def load(cls, customer_id: UUID, revision: int, stored: bytes) -> CustomerState:
        """The state that `dump` wrote."""
        raw = orjson.loads(stored)
        return cls(
            customer_id,
            raw["x"],
            raw["e"],
            revision,
            raw["n"],
            raw["c"],
            raw["u"],
            raw["t"],
            raw["f"],
            raw["a"],
            b64decode(raw["r"]),
        )

    def to_customer(self) -> Customer:
        """The customer as the API shows them."""
        values = {key: value for key, value in self.values().items() if value is not None}
        values.setdefault("opted_out", False)
        return Customer(
            self.customer_id,
            self.external_id,
            values,
            self.version,
            from_micros(self.created),
            from_micros(self.updated),
        )


def _packed(value: Value | None, time: int) -> list[Any]:
    """A value and its time for fast, exact JSON: a number that a reader might round goes as its digits."""
    if isinstance(value, Decimal) or (type(value) is int and not _LEAST < value < _MOST):
        return [str(value), time, "number"]
    return [list(value) if isinstance(value, tuple) else value, time]


def _unpacked(value: Any, _time: int, kind: str = "") -> Value | None:
    if kind:
        return Decimal(value) if "." in value or "E" in value else int(value)
    return tuple(value) if type(value) is list else value


@dataclass(slots=True)
class Effect:
    """The effect of one change on a state: the result, and the values that changed."""

    result: Result
    values: dict[str, Value | None] = field(default_factory=dict)


def decide(state: CustomerState, change: CustomerChange, values: dict[str, Value | None], now: int) -> Effect:
    """Fold one change, its values in normal form, into `state`. Returns what took effect.

    `now` is the time of a change that has none, in microseconds since 1970.
    """
    if change.source is not None and change.change_id is not None:
        mark = hashlib.blake2b(f"{change.source}\n{change.change_id}".encode(), digest_size=8).digest()
        if not state.remember(mark):
            return Effect("duplicate")
    is_of_now = change.at is None
    time = max(now, state.floor) if change.at is None else micros(change.at)
    if change.kind == "deleted":
        return _delete(state, max(time, state.touched) if is_of_now else time)
    return _merge(state, time, values, is_of_now)


def _merge(state: CustomerState, time: int, values: dict[str, Value | None], is_of_now: bool) -> Effect:
    if time < state.floor:
        return Effect("stale")
    changed: dict[str, Value | None] = {}
    lost = False
    for key, value in values.items():
        old, old_time = state.value(key) or (NEVER_MISSING.get(key), state.floor)
        if time < old_time and not is_of_now:
            lost = True
            continue
        state.set(key, value, max(time, old_time))
        if not is_same(old, value):
            changed[key] = value
    state.touched = max(state.touched, time)
    if not state.exists:
        state.exists = True
        return Effect("created", {key: value for key, value in state.values().items() if value is not None})
    return Effect("changed" if changed else "stale" if lost else "unchanged", changed)


def _delete(state: CustomerState, time: int) -> Effect:
    state.floor = max(state.floor, time)
    # A customer changed after this deletion still exists, and existed before under the same external id.
    stays = state.exists and state.touched > time
    old = state.values()
    state.packed = {
        key: packed for key, packed in state.packed.items() if packed[1] > time or (stays and key == "external_id")
    }
    if not state.exists:
        return Effect("unchanged")
    if stays:
        gone = {key: (value, NEVER_MISSING.get(key)) for key, value in old.items() if key not in state.packed}
        removed = {key: left for key, (value, left) in gone.items() if not is_same(value, left)}
        return Effect("changed" if removed else "stale", removed)
    state.exists = False
    state.external_id = None
    return Effect("deleted")


def is_same(one: Value | None, other: Value | None) -> bool:
    """Returns whether two values in normal form are equal; `true` and `1` are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
