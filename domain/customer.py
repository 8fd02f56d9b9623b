"""A customer: what a change may say, and which part of it takes effect.

The consumers and the API parse what they receive into a `CustomerChange`; `domain.commands.customers` loads the states
of a whole batch and lets `decide` fold in each change. Each attribute remembers the time of its change, so
redelivery, reordering and retries converge (SEMANTICS, "Merging changes"). A deletion is a floor: it
removes whatever is older than itself, and refuses what is older but arrives later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from domain.customer_state import CustomerState
from domain.errors import FieldError, Invalid
from domain.identifiers import id_of_name
from domain.instants import micros
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


class CustomerChange(NamedTuple):
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


class Outcome(NamedTuple):
    """The outcome of one change. Every change has exactly one `result`."""

    result: Result
    customer_id: UUID
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
    return id_of_name(account_id, f"customer:{external_id}")


def customer_id_of_phone(account_id: UUID, phone: str) -> UUID:
    """The id of a customer created by a CSV import, from their phone number in normal form."""
    return id_of_name(account_id, f"phone:{phone}")


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
