"""A customer: what a change may say, and which part of it takes effect.

The consumers and the API parse what they receive into a `CustomerChange`; `domain.commands.customers` loads the states
of a whole batch and lets `decide` fold in each change. Each attribute remembers the time of its change, so
redelivery, reordering and retries converge (SEMANTICS, "Merging changes"). A deletion is a floor: it
removes whatever is older than itself, and refuses what is older but arrives later.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from domain.errors import FieldError, Invalid
from domain.instants import from_micros, micros
from domain.values import AttributeType, Value

BUILT_IN: dict[str, AttributeType] = {
    "phone": "text",
    "name": "text",
    "external_id": "text",
    "tags": "list",
    "opted_out": "boolean",
    "created_at": "datetime",
}
RESERVED = frozenset(BUILT_IN) | {"segment"}
NEVER_MISSING: dict[str, Value] = {"opted_out": False}
MAX_ATTRIBUTES = 500
# How far a change's time may lie after our clock, where no setting says otherwise.
CLOCK_SKEW = timedelta(minutes=5)
_REMEMBERED = 16

ChangeKind = Literal["changed", "opted_out", "opted_in", "deleted"]
Result = Literal["created", "changed", "unchanged", "stale", "duplicate", "deleted", "invalid"]


class CustomerData(BaseModel):
    """The body of a customer change: present = set, null = remove, absent = keep; `tags` replaces the set."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    external_id: StrictStr | None = None
    phone: StrictStr | None = None
    name: StrictStr | None = None
    attributes: dict[str, Any] | None = Field(default=None, max_length=MAX_ATTRIBUTES)
    tags: list[StrictStr] | None = None
    opted_out: StrictBool | None = None


@dataclass(frozen=True, slots=True)
class CustomerChange:
    """One change after parsing; `at` orders it, (`source`, `change_id`) identify it.

    Without `at` it is a change of now, which always takes effect: the time of each value that it sets is the later of
    now and the time that it replaces. `customer_id` names a customer that has no external id.
    """

    external_id: str | None
    kind: ChangeKind
    at: datetime | None
    data: CustomerData | None = None
    source: str | None = None
    change_id: str | None = None
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the API shows them; `values` holds every attribute, built-in ones too."""

    customer_id: UUID
    external_id: str | None
    values: dict[str, Value]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one change. Every change has exactly one `result`."""

    result: Result
    customer_id: UUID
    customer: Customer | None = None
    errors: tuple[FieldError, ...] = ()


TRUNCATED = frozenset({"record_too_large", "batch_too_large"})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that can never be ingested, byte for byte, with the reason and its place in Kafka.

    With a code of `TRUNCATED` only the beginning of its value is kept.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    code: str
    message: str
    first_failed_at: datetime


def customer_id_of(account_id: UUID, external_id: str) -> UUID:
    """The id of the customer that an upstream system calls `external_id`."""
    return uuid5(account_id, f"customer:{external_id}")


def customer_id_of_phone(account_id: UUID, phone: str) -> UUID:
    """The id of a customer created by a CSV import, from their phone number in normal form."""
    return uuid5(account_id, f"phone:{phone}")


def parse_customer_data(raw: Any) -> CustomerData:
    """The body of a change from JSON. Raises `Invalid` with a pointer to each mistake."""
    if not isinstance(raw, dict):
        raise Invalid.at("", "invalid_body", "needs a JSON object with phone, name, attributes, tags or opted_out")
    try:
        return CustomerData.model_validate(raw)
    except ValidationError as bad:
        errors = [
            FieldError("/" + "/".join(str(step) for step in each["loc"]), "invalid_field", each["msg"])
            for each in bad.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid("invalid_body", f"{errors[0].pointer}: {errors[0].detail}", errors) from None


@dataclass(slots=True)
class CustomerState:
    """What last-writer-wins needs of a customer: each value with its time, in microseconds since 1970.

    `revision` moves with every write, with or without an event; events take it as their version.
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
    values: dict[str, tuple[Value | None, int]] = field(default_factory=dict)
    recent: list[bytes] = field(default_factory=list)

    @property
    def phone(self) -> str | None:
        """The phone number of a customer who exists."""
        value = self.values.get("phone", (None, 0))[0] if self.exists else None
        return value if isinstance(value, str) else None

    @property
    def opted_out(self) -> bool:
        """Whether a customer who exists has opted out."""
        return self.exists and self.values.get("opted_out", (False, 0))[0] is True

    def replace_times_after(self, latest: int) -> None:
        """Replace each time after `latest`, which only a wrong clock can have set: it would win until it has passed.

        It becomes the time of the last change that took effect, or where that is after `latest` too, the beginning.
        """
        if self.touched <= latest and self.floor <= latest:
            return
        changed = self.updated if self.updated <= latest else 0

        def possible(time: int) -> int:
            return time if time <= latest else changed

        self.values = {key: (value, possible(time)) for key, (value, time) in self.values.items()}
        self.floor = possible(self.floor)
        self.touched = max(possible(self.touched), self.floor, *(time for _, time in self.values.values()))

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
                "a": {key: _packed(value, time) for key, (value, time) in self.values.items()},
                "r": b64encode(b"".join(self.recent)).decode(),
            }
        )

    @classmethod
    def load(cls, customer_id: UUID, revision: int, stored: bytes) -> CustomerState:
        """The state that `dump` wrote."""
        raw = orjson.loads(stored)
        recent = b64decode(raw["r"])
        return cls(
            customer_id=customer_id,
            external_id=raw["x"],
            exists=raw["e"],
            revision=revision,
            version=raw["n"],
            created=raw["c"],
            updated=raw["u"],
            touched=raw["t"],
            floor=raw["f"],
            values={key: _unpacked(*packed) for key, packed in raw["a"].items()},
            recent=[recent[start : start + 8] for start in range(0, len(recent), 8)],
        )

    def to_customer(self) -> Customer:
        """The customer as the API shows them."""
        values = {key: value for key, (value, _) in self.values.items() if value is not None}
        values.setdefault("opted_out", False)
        return Customer(
            self.customer_id,
            self.external_id,
            values,
            self.version,
            from_micros(self.created),
            from_micros(self.updated),
        )


def _packed(value: Value | None, time: int) -> tuple[Any, ...]:
    """A value and its time for fast, exact JSON: a number that a reader might round goes as its digits."""
    if isinstance(value, Decimal) or (type(value) is int and not -(2**53) < value < 2**53):
        return str(value), time, "number"
    return value, time


def _unpacked(value: Any, time: int, kind: str = "") -> tuple[Value | None, int]:
    if kind:
        return (Decimal(value) if "." in value or "E" in value else int(value)), time
    return (tuple(value) if type(value) is list else value), time


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
        if mark in state.recent:
            return Effect("duplicate")
        state.recent = [*state.recent[1 - _REMEMBERED :], mark]
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
        old, old_time = state.values.get(key, (NEVER_MISSING.get(key), state.floor))
        if time < old_time and not is_of_now:
            lost = True
            continue
        state.values[key] = (value, max(time, old_time))
        if not is_same(old, value):
            changed[key] = value
    state.touched = max(state.touched, time)
    if not state.exists:
        state.exists = True
        return Effect("created", {key: value for key, (value, _) in state.values.items() if value is not None})
    return Effect("changed" if changed else "stale" if lost else "unchanged", changed)


def _delete(state: CustomerState, time: int) -> Effect:
    state.floor = max(state.floor, time)
    # A customer changed after this deletion still exists, and existed before under the same external id.
    stays = state.exists and state.touched > time
    old = state.values
    state.values = {key: pair for key, pair in old.items() if pair[1] > time or (stays and key == "external_id")}
    if not state.exists:
        return Effect("unchanged")
    if stays:
        gone = {key: (value, NEVER_MISSING.get(key)) for key, (value, _) in old.items() if key not in state.values}
        removed = {key: left for key, (value, left) in gone.items() if not is_same(value, left)}
        return Effect("changed" if removed else "stale", removed)
    state.exists = False
    state.external_id = None
    return Effect("deleted")


def is_same(one: Value | None, other: Value | None) -> bool:
    """Returns whether two values in normal form are equal; `true` and `1` are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
