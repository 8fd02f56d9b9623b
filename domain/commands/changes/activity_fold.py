"""Folds facts of what customers do into a batch of changes: `domain.commands.changes.change_batch` for activities.

Called by `domain.commands.customers`; pure. Who is not known yet is created, and an erasure refuses what is older than
itself. A fact moves neither the customer's version nor the time of any value.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.account import schema_id_of
from domain.activities.activity import Activity, check_properties, mark_of, mistakes_of
from domain.commands.changes.change_batch import ChangeBatch
from domain.commands.customer_state import CustomerState
from domain.customer import CustomerChange, Outcome
from domain.instants import from_micros, micros
from domain.stored_events import ActivityDeclared, ActivityRecorded
from domain.values import AttributeType, Value


def activity_mark(account_id: UUID, change: CustomerChange) -> UUID | None:
    """The mark of a fact; `None` of a change that is no fact, or has no identity."""
    if change.activity is None or change.source is None or change.change_id is None:
        return None
    return mark_of(account_id, change.source, change.change_id)


def fold_activity(batch: ChangeBatch, customer_id: UUID, change: CustomerChange, activity: Activity) -> None:
    """Fold in what a customer did. An invalid fact has no effect, not even on the types of properties.

    A partial one is recorded without the properties that are invalid.
    """
    properties = check_properties(activity, batch.schema.activities.get(activity.name, {}))
    mistakes = [*batch.mistakes(change), *mistakes_of(activity)]
    if mistakes or (properties.mistakes and not change.partial):
        batch.outcomes.append(Outcome("invalid", customer_id, errors=(*mistakes, *properties.mistakes)))
        return
    mark = activity_mark(batch.account.account_id, change)
    if mark is not None and (mark in batch.known_marks or mark in batch.new_marks):
        batch.outcomes.append(Outcome("duplicate", customer_id))
        return
    state = batch.state_of(customer_id)
    time = max(batch.now_micros, state.floor) if change.at is None else micros(change.at)
    # Of a customer who was never erased it is 0, which is an instant as well: facts may be older.
    if state.floor and time < state.floor:
        batch.outcomes.append(Outcome("stale", customer_id))
        return
    if mark is not None:
        batch.new_marks[mark] = time
    _declare(batch, activity.name, properties.inferred)
    batch.revisions.setdefault(customer_id, state.revision)
    batch.touched[customer_id] = state
    if state.meet(time):
        batch.create(change._replace(change_id=None), state)
    state.revision += 1
    _record(batch, change, state, activity.name, from_micros(time), properties.values)
    batch.outcomes.append(Outcome("recorded", customer_id, errors=tuple(properties.mistakes)))


def _record(
    batch: ChangeBatch,
    change: CustomerChange,
    state: CustomerState,
    name: str,
    time: datetime,
    properties: dict[str, Value],
) -> None:
    batch.events.append(
        ActivityRecorded(
            originator_id=state.customer_id,
            originator_version=state.revision,
            account_id=batch.account.account_id,
            recorded_at=batch.now,
            activity=name,
            time=time,
            properties=properties,
            source=change.source,
            activity_id=change.change_id,
            via=batch.via(change.arrival or batch.arrival),
        )
    )


def _declare(batch: ChangeBatch, name: str, inferred: dict[str, AttributeType]) -> None:
    known = batch.schema.activities.get(name)
    if known is not None and not inferred:
        return
    batch.schema.version += 1
    batch.schema.activities[name] = {**(known or {}), **inferred}
    batch.events.append(
        ActivityDeclared(
            originator_id=schema_id_of(batch.account.account_id),
            originator_version=batch.schema.version,
            account_id=batch.account.account_id,
            recorded_at=batch.now,
            activity=name,
            properties=inferred,
        )
    )
