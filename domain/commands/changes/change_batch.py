"""One batch of customer changes, folded in memory: the outcome of each, and the events that record it.

Called by `domain.commands.application` between loading the states of the batch and storing them; pure, so it
may be repeated when another writer was first.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.account import Account, Schema, schema_id_of
from domain.commands.customer_state import CustomerState, Effect, decide
from domain.commands.log import NumberChanges
from domain.customer import (
    CLOCK_SKEW,
    RESERVED,
    CustomerChange,
    CustomerData,
    Outcome,
    customer_id_of,
    identity_mistakes,
    is_identified,
)
from domain.errors import FieldError
from domain.instants import Arrival, micros
from domain.phones import parse_phone
from domain.stored_events import (
    AttributeDeclared,
    CustomerChanged,
    CustomerDeleted,
    Event,
)
from domain.texts.language import said
from domain.values import AttributeType, BadValue, Value, infer_type, is_attribute_key, is_missing, normalise, trim

_LATEST = micros(datetime.max.replace(tzinfo=UTC))
# The code of a value for a computed attribute.
COMPUTED = "computed_attribute"
# Where mistakes are that a partial change survives.
_OF_VALUES = ("/attributes/", "/phone", "/name", "/tags")


@dataclass
class ChangeBatch:
    """The running result of a batch: `fold` each change in order, then store `events` and `touched`."""

    account: Account
    schema: Schema
    states: dict[UUID, CustomerState]
    now: datetime
    skew: timedelta = CLOCK_SKEW
    # Of the changes that do not say it themselves.
    arrival: Arrival | None = None
    events: list[Event] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    touched: dict[UUID, CustomerState] = field(default_factory=dict)
    revisions: dict[UUID, int] = field(default_factory=dict)
    # The marks of facts that were taken in before, and those of this batch, each with the time of its fact.
    known_marks: Set[UUID] = frozenset()
    new_marks: dict[UUID, int] = field(default_factory=dict)
    inferred: dict[str, AttributeType] = field(default_factory=dict)
    now_micros: int = field(init=False)
    _suppressed: dict[str, int] = field(default_factory=dict)
    _opted_in: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now_micros = micros(self.now)
        self._latest = micros(self.now + max(self.skew, CLOCK_SKEW))
        self._most = self.now + self.skew

    def fold(self, customer_id: UUID, change: CustomerChange) -> None:
        """Fold in one change of a customer. An invalid one has no effect, not even on the types of attributes.

        A partial one is invalid only where the mistake is not in a value.
        """
        values, mistakes = self._normal(change)
        if mistakes and not (change.partial and all(each.pointer.startswith(_OF_VALUES) for each in mistakes)):
            self.outcomes.append(Outcome("invalid", customer_id, errors=tuple(mistakes)))
            return
        self._declare_inferred()
        self.fold_values(customer_id, change, values)
        if mistakes:
            self.outcomes[-1] = self.outcomes[-1]._replace(errors=tuple(mistakes))

    def fold_values(self, customer_id: UUID, change: CustomerChange, values: dict[str, Value | None]) -> None:
        """Fold in a change whose values are in normal form already."""
        state = self.state_of(customer_id)
        number, opted_out = state.phone, state.opted_out
        effect = decide(state, change, values, self.now_micros)
        if effect.result != "duplicate":
            if change.kind == "deleted" and number is not None and opted_out and not state.opted_out:
                self._suppressed[number] = state.floor
            elif state.phone is not None and (at := _opt_in_time(state, change, values)) is not None:
                self._opted_in[state.phone] = at
            self.revisions.setdefault(customer_id, state.revision)
            self.touched[customer_id] = state
            state.revision += 1
        if effect.values or effect.result in ("created", "deleted"):
            self._record(change, state, effect)
        self.outcomes.append(Outcome(effect.result, customer_id))

    def fold_new(self, customer_id: UUID, source: str, values: dict[str, Value | None]) -> None:
        """Fold in the first change of a customer without external id, as of now: a faster `fold_values`.

        The customer has no state yet, and `values`, in normal form, are all set.
        """
        at = self.now_micros
        state = self.states[customer_id] = self.touched[customer_id] = CustomerState(
            customer_id,
            exists=True,
            revision=1,
            version=1,
            created=at,
            updated=at,
            touched=at,
        )
        for key, value in values.items():
            state.set(key, value, at)
        self.revisions[customer_id] = 0
        self.events.append(
            CustomerChanged(
                originator_id=customer_id,
                originator_version=1,
                account_id=self.account.account_id,
                recorded_at=self.now,
                created=True,
                occurred_at=self.now,
                values=values,
                source=source,
                via=self.via(self.arrival),
            )
        )

    def states_to_store(self) -> list[tuple[CustomerState, int]]:
        """The states to store, each with the revision it had before."""
        return [(state, self.revisions[customer_id]) for customer_id, state in self.touched.items()]

    def number_changes(self) -> NumberChanges:
        """The phone numbers to suppress, and those that an opt-in frees."""
        return NumberChanges(self._suppressed, self._opted_in)

    def deleted(self) -> list[UUID]:
        """Customers deleted in this batch, whether or not they were created again in it."""
        return [event.originator_id for event in self.events if isinstance(event, CustomerDeleted)]

    def state_of(self, customer_id: UUID) -> CustomerState:
        """The state of a customer, a new one of a customer who was never seen."""
        state = self.states.get(customer_id)
        if state is None:
            state = self.states[customer_id] = CustomerState(customer_id)
        # Never a narrow limit: the clocks of two machines differ, and an older change would then replace a newer value.
        state.replace_times_after(self._latest)
        return state

    def create(self, change: CustomerChange, state: CustomerState) -> None:
        """Record that a customer exists, with nothing but the external id."""
        state.revision += 1
        self._record(change, state, Effect("created"))

    def _record(self, change: CustomerChange, state: CustomerState, effect: Effect) -> None:
        created = effect.result == "created"
        if created:
            state.external_id = change.external_id
            state.created = self.now_micros
            if change.external_id is not None:
                state.set("external_id", change.external_id, state.touched)
                effect.values["external_id"] = change.external_id
        state.version = state.revision
        state.updated = self.now_micros
        provenance: dict[str, Any] = {
            "originator_id": state.customer_id,
            "originator_version": state.revision,
            "account_id": self.account.account_id,
            "recorded_at": self.now,
            "occurred_at": change.at or self.now,
            "source": change.source,
            "change_id": change.change_id,
            "via": self.via(change.arrival or self.arrival),
        }
        if effect.result == "deleted":
            # The source of a deletion may identify the person just as their own events do.
            self.events.append(CustomerDeleted(**(provenance | {"source": None, "change_id": None})))
        else:
            self.events.append(
                CustomerChanged(
                    **provenance,
                    created=created,
                    external_id=change.external_id if created else None,
                    values=effect.values,
                )
            )

    def via(self, arrival: Arrival | None) -> str | None:
        """How and when a change arrived, in short."""
        return None if arrival is None else arrival.before(self.now_micros // 1000)

    def _normal(self, change: CustomerChange) -> tuple[dict[str, Value | None], list[FieldError]]:
        self.inferred = {}
        mistakes = self.mistakes(change)
        if change.kind in {"opted_out", "opted_in"}:
            return {"opted_out": change.kind == "opted_out"}, mistakes
        values: dict[str, Value | None] = {}
        if change.kind == "changed" and change.data is not None:
            for pointer, key, value in self._each_value(change.data):
                if isinstance(value, BadValue):
                    mistakes.append(FieldError(pointer, value.code, value.detail))
                else:
                    values[key] = value
        return values, mistakes

    def mistakes(self, change: CustomerChange) -> list[FieldError]:
        """The mistakes of a change in its identity and its time."""
        mistakes = [] if is_identified(change) else list(identity_mistakes(change))
        if change.at is not None and change.at > self._most:
            detail = said(
                "more than %(seconds)s seconds after the clock of this system; correct the clock of the sender, or "
                "send it again once that time has passed",
                seconds=int(self.skew.total_seconds()),
            )
            mistakes.insert(0, FieldError("/time", "time_in_future", detail))
        return mistakes

    def _each_value(self, data: CustomerData) -> Iterator[tuple[str, str, Value | BadValue | None]]:
        present = data.model_fields_set
        if "phone" in present:
            text = trim(data.phone or "")
            yield "/phone", "phone", parse_phone(text, self.account.country) if text else None
        if "name" in present:
            yield "/name", "name", normalise("text", data.name)
        if "tags" in present:
            yield "/tags", "tags", normalise("list", data.tags)
        if "opted_out" in present:
            yield "/opted_out", "opted_out", bool(data.opted_out)
        for key, raw in (data.attributes or {}).items():
            yield f"/attributes/{key}", key, self._attribute(key, raw)

    def _attribute(self, key: str, raw: object) -> Value | BadValue | None:
        kind = self.schema.types.get(key) or self.inferred.get(key)
        if key in self.schema.computed:
            return BadValue(
                COMPUTED, said("%(key)s is computed from what customers do, so it cannot be set; leave it out", key=key)
            )
        if kind is not None and key not in RESERVED:
            return normalise(kind, raw)
        if key in RESERVED:
            return BadValue(
                "reserved_attribute", said("%(key)s is built in; it cannot be set as an attribute", key=key)
            )
        if not is_attribute_key(key):
            return BadValue(
                "invalid_attribute_key", said("a key is a-z, 0-9 and _, begins with a letter, at most 63 long")
            )
        if is_missing(raw):
            return None
        inferred = infer_type(raw)
        if isinstance(inferred, BadValue):
            return inferred
        value = normalise(inferred, raw)
        if not isinstance(value, BadValue):
            self.inferred[key] = inferred
        return value

    def _declare_inferred(self) -> None:
        for key, kind in self.inferred.items():
            self.schema.version += 1
            self.schema.types[key] = kind
            self.events.append(
                AttributeDeclared(
                    originator_id=schema_id_of(self.account.account_id),
                    originator_version=self.schema.version,
                    account_id=self.account.account_id,
                    recorded_at=self.now,
                    key=key,
                    type=kind,
                )
            )


def _opt_in_time(state: CustomerState, change: CustomerChange, values: dict[str, Value | None]) -> int | None:
    """The time up to which a change lifts suppressions, if it is an opt-in; one of now lifts those of whatever time."""
    if change.at is None:
        return _LATEST if values.get("opted_out") is False else None
    at = micros(change.at)
    return at if state.value("opted_out") == (False, at) else None


def change_target(account_id: UUID, change: CustomerChange) -> UUID:
    """The id of the customer that a change is about."""
    return change.customer_id or customer_id_of(account_id, change.external_id or "")
