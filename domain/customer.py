"""A customer: what a change may say, and what became of one.

The consumers and the API parse what they receive into a `CustomerChange`; `domain.commands.customers` loads the states
of a whole batch and lets `domain.commands.customer_state` fold in each change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from domain.activities.activity import Activity
from domain.errors import FieldError, Invalid
from domain.instants import Arrival
from domain.texts.language import said
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
MAX_IDENTIFIER = 512
_FREE_BITS = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48

ChangeKind = Literal["changed", "opted_out", "opted_in", "deleted", "activity"]
Result = Literal["created", "changed", "unchanged", "stale", "duplicate", "deleted", "recorded", "invalid"]


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
    now and the time that it replaces. `customer_id` names a customer that has no external id. A `partial` change takes
    effect without the values that are invalid; any other is refused for one. One of kind `activity` says what the
    customer did, instead of data: its `source` and `change_id` identify the fact, within the account.
    """

    external_id: str | None
    kind: ChangeKind
    at: datetime | None
    data: CustomerData | None = None
    source: str | None = None
    change_id: str | None = None
    customer_id: UUID | None = None
    arrival: Arrival | None = None
    partial: bool = False
    activity: Activity | None = None


class Outcome(NamedTuple):
    """The outcome of one change. Every change has exactly one `result`; `errors` say what is invalid of it."""

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
    return _id_of_name(account_id, f"customer:{external_id}")


def customer_id_of_phone(account_id: UUID, phone: str) -> UUID:
    """The id of a customer created by a CSV import, from their phone number in normal form."""
    return _id_of_name(account_id, f"phone:{phone}")


def is_identified(change: CustomerChange) -> bool:
    """Returns whether a change has no mistake of identity, as nearly every one."""
    external_id, source, change_id = change.external_id, change.source, change.change_id
    return (
        _is_identifier(external_id)
        and (source is None or _is_identifier(source))
        and (change_id is None or _is_identifier(change_id))
        and (change.data is None or change.data.external_id in (None, external_id))
    )


def _is_identifier(text: str | None) -> bool:
    return text is not None and 1 <= len(text) <= MAX_IDENTIFIER and text == text.strip() and text.isprintable()


def identity_mistakes(change: CustomerChange) -> Iterator[FieldError]:
    """The mistakes of a change in what names it and its customer."""
    for pointer, text in (("/external_id", change.external_id), ("/source", change.source), ("/id", change.change_id)):
        if text is None:
            continue
        if _is_identifier(text):
            continue
        if not 1 <= len(text) <= MAX_IDENTIFIER or text != text.strip():
            yield FieldError(
                pointer,
                "invalid_identifier",
                said("needs 1 to %(max_identifier)s characters, no blanks around", max_identifier=MAX_IDENTIFIER),
            )
        else:
            yield FieldError(pointer, "invalid_identifier", said("holds control characters or lone surrogates"))
    if change.external_id is None and change.customer_id is None:
        yield FieldError("/external_id", "invalid_identifier", said("names no customer"))
    if change.data is not None and change.data.external_id not in (None, change.external_id):
        yield FieldError(
            "/external_id", "external_id_mismatch", said("names another customer than the address of the change")
        )


def parse_customer_data(raw: Any) -> CustomerData:
    """The body of a change from JSON. Raises `Invalid` with a pointer to each mistake."""
    if not isinstance(raw, dict):
        raise Invalid.at(
            "", "invalid_body", said("needs a JSON object with phone, name, attributes, tags or opted_out")
        )
    try:
        return CustomerData.model_validate(raw)
    except ValidationError as bad:
        errors = [
            FieldError("/" + "/".join(str(step) for step in each["loc"]), "invalid_field", each["msg"])
            for each in bad.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid(
            "invalid_body", said("%(pointer)s: %(detail)s", pointer=errors[0].pointer, detail=errors[0].detail), errors
        ) from None


def _id_of_name(namespace: UUID, name: str) -> UUID:
    """The id that `uuid.uuid5` gives, at less than half its cost: every change of a customer needs one."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16], "big") & _FREE_BITS | _VERSION_5)
