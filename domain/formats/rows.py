"""Rows of other systems' tables as changes of customers: what Debezium, Kafka Connect and plain JSON have in common.

Called by `consumers.topic_formats`, with what `debezium` or `connect` of this package have read of a record. Pure. What
always holds: every value ends either in the change or in `left_out`; the customer is the one that the key names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.customer import RESERVED, CustomerChange
from domain.errors import Invalid
from domain.formats.analytics import read_instant
from domain.formats.cloud_events import FORBIDDEN
from domain.formats.names import SETTABLE, LeftOut, each_value, leave_out, map_values
from domain.formats.typed_values import BeyondCalendar, Unit, counted, instant_of
from domain.instants import Arrival, from_micros
from domain.values import is_attribute_key

FormatName = Literal["cloudevents", "debezium", "connect", "json"]
Name = Annotated[str, Field(min_length=1, max_length=512)]
# What Debezium puts in the place of a large value that did not change, and its base64, for columns of bytes.
UNCHANGED = frozenset({"__debezium_unavailable_value", "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="})


class TopicFormat(BaseModel):
    """What the records of a topic are, and how their rows become customers. The settings' form of it is JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: FormatName = "cloudevents"
    id: Name | None = None
    """The field of the key or of the row that is the customer's `external_id`; unset, the key is."""
    deletes: Literal["ignore", "erase"] = "ignore"
    """What a row that is deleted does to its customer."""
    snapshots: Literal["fill", "replace"] = "fill"
    """Whether rows of Debezium's snapshots set only what no change has set, or all, as of when they were read."""
    time: Name | None = None
    """The field that says when the row was changed, in `units`, or as a text."""
    names: Mapping[Name, str] = {}
    """Attributes for fields whose names the common mapping would not make so."""
    leave_out: frozenset[Name] = frozenset()
    """Fields that are neither stored nor counted."""
    units: Mapping[Name, Unit] = {}
    """Numbers that count days or parts of seconds since 1970, where no schema says it."""

    @field_validator("names")
    @classmethod
    def _targets(cls, names: Mapping[str, str]) -> Mapping[str, str]:
        for name, target in names.items():
            if not is_attribute_key(target) or (target in RESERVED and target not in SETTABLE):
                raise ValueError(
                    f"{name} cannot become {target!r}: give the key of an attribute, or {', '.join(SETTABLE)}"
                )
        if len(set(names.values())) < len(names):
            raise ValueError("two fields have the same name")
        return names

    @model_validator(mode="after")
    def _only_what_has_an_effect(self) -> TopicFormat:
        given = self.model_fields_set - {"format"}
        if self.format == "cloudevents" and given:
            raise ValueError(f"{', '.join(sorted(given))} has no effect on CloudEvents")
        if self.format != "debezium" and "snapshots" in given:
            raise ValueError("snapshots are Debezium's; it has no effect on other formats")
        return self


class Row(NamedTuple):
    """A row as a record has it: `fields` is `None` where it was deleted, and `before` then what is known of it.

    `at` is when it was changed, where the record says so; (`source`, `change_id`) identify the change.
    """

    fields: Mapping[str, Any] | None
    at: datetime | None = None
    source: str | None = None
    change_id: str | None = None
    before: Mapping[str, Any] | None = None
    is_snapshot: bool = False


class RowChange(NamedTuple):
    """The change that a row asks for, and the values that it cannot say."""

    change: CustomerChange
    left_out: list[LeftOut]


def change_of(row: Row, key: Any, rules: TopicFormat, at: datetime, arrival: Arrival | None) -> RowChange | None:
    """Returns the change that a row asks for, `None` for none; `at` is the record's time. Raises `Invalid`."""
    if row.fields is None and rules.deletes == "ignore":
        return None
    fields = row.fields if row.fields is not None else row.before or {}
    subject, taken = _subject(key, fields, rules)
    time = _time(row, rules, at)
    if row.fields is None:
        deleted = CustomerChange(subject, "deleted", time, None, row.source, row.change_id, arrival=arrival)
        return RowChange(deleted, [])
    left_out: list[LeftOut] = []
    data, others = map_values(_values(row.fields, rules, taken, left_out))
    change = CustomerChange(subject, "changed", time, data, row.source, row.change_id, arrival=arrival, partial=True)
    return RowChange(change, [*left_out, *others])


def _subject(key: Any, fields: Mapping[str, Any], rules: TopicFormat) -> tuple[str, str | None]:
    """Returns the customer's external id, and the field that is nothing but that."""
    if rules.id is not None:
        found = key.get(rules.id) if isinstance(key, Mapping) else None
        if found is None:
            found = dict(each_value(fields)).get(rules.id)
        return _identifier(found, f"the field {rules.id}"), rules.id
    if not isinstance(key, Mapping):
        return _identifier(key, "the key"), None
    if len(key) != 1:
        names = ", ".join(sorted(map(str, key))[:5])
        detail = f'the key has {len(key)} fields ({names}): name that of the customer by "id" in ROLLCALL_KAFKA_FORMATS'
        raise Invalid("ambiguous_key", detail)
    ((name, value),) = key.items()
    return _identifier(value, f"the field {name} of the key"), str(name)


def _identifier(value: Any, place: str) -> str:
    match value:
        case bool():
            text = ""
        case str():
            text = value
        case int() | Decimal():
            text = format(value, "f") if isinstance(value, Decimal) else str(value)
        case _:
            text = ""
    if not text or FORBIDDEN.search(text):
        raise Invalid(
            "missing_subject", f"{place}, which names the customer, is missing or neither a text nor a number"
        )
    return text


def _time(row: Row, rules: TopicFormat, at: datetime) -> datetime:
    if rules.time is not None and row.fields is not None:
        value = dict(each_value(row.fields)).get(rules.time)
        found = read_instant(value)
        with_unit = rules.units.get(rules.time, "milliseconds")
        try:
            if type(value) is int:
                found = instant_of(value, with_unit)
        except OverflowError:
            found = None
        if found is None:
            raise Invalid("invalid_time", f"the field {rules.time} must be an instant, or a number of {with_unit}")
        return found
    if row.is_snapshot and rules.snapshots == "fill":
        # A long snapshot reads rows after changes that it does not have, and that come later by the topic.
        return from_micros(0)
    return row.at or at


def _values(
    fields: Mapping[str, Any], rules: TopicFormat, taken: str | None, left_out: list[LeftOut]
) -> Iterator[tuple[str, Any]]:
    """Yields the values that become attributes, under the names that the rules give them."""
    for name, value in each_value(fields):
        if name == taken or name in rules.leave_out or (isinstance(value, str) and value in UNCHANGED):
            continue
        unit = rules.units.get(name)
        meant = value if unit is None or type(value) is not int else counted(value, unit)
        if isinstance(meant, BeyondCalendar):
            detail = f"so many {meant.unit} after 1970 are beyond the calendar"
            left_out.append(leave_out(name, "invalid_value", detail))
        else:
            yield rules.names.get(name, name), meant
