"""The messages of the analytics SDKs of Segment and RudderStack, as customer changes.

Called by `api.ingest.sdk`. `identify` changes a customer, `track` is an activity; of the other messages the door keeps
counts. Which fields the SDKs fill, and what is not done with them, is in deploy/docs/sdk.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from domain.activities.activity import Activity
from domain.customer import CustomerChange, CustomerData
from domain.errors import Invalid
from domain.formats.names import LeftOut, Mapped, key_of, map_fields, map_properties
from domain.instants import Arrival

MessageType = Literal["identify", "track", "group", "alias", "page", "screen"]
MESSAGE_TYPES: tuple[MessageType, ...] = get_args(MessageType)
SOURCE = "sdk"
# How long a request may take: SDKs give up after 15 s. A greater difference between its `sentAt` and our clock means
# that the sender's clock is wrong. A smaller one is not corrected: it would put the delays of the network into the
# order of changes.
TRANSIT = timedelta(seconds=30)


class Request(NamedTuple):
    """What all messages of one request share: when it was received, when it was sent by the sender's clock.

    `may_opt_in` is whether the key may withdraw an opt-out, which a key that is published must not.
    """

    received: datetime
    sent: datetime | None
    arrival: Arrival
    may_opt_in: bool


class Message(NamedTuple):
    """A message that was understood. `change` is what it says of a customer, if anything."""

    type: MessageType
    change: CustomerChange | None = None
    left_out: Sequence[LeftOut] = ()


def read_message(raw: Any, request: Request, type_: MessageType | None = None) -> Message:
    """Returns one message from JSON; `type_` is given where its address says it. Raises `Invalid`."""
    if not isinstance(raw, Mapping):
        raise Invalid.at("", "invalid_message", "a message is a JSON object")
    given = type_ or raw.get("type")
    kind = next((each for each in MESSAGE_TYPES if each == given), None)
    if kind is None:
        raise Invalid.at("/type", "unknown_type", f"type must be one of {', '.join(MESSAGE_TYPES)}")
    user_id, message_id = _identifier(raw, "userId"), _identifier(raw, "messageId")
    if user_id is None and _identifier(raw, "anonymousId") is None:
        raise Invalid.at("/userId", "user_id_required", "userId names the customer")
    traits, at = _traits(raw), _time(raw, request)
    if kind not in ("identify", "track") or user_id is None:
        return Message(kind)
    if kind == "track":
        activity, unmapped = _activity(raw)
        fact = CustomerChange(
            user_id,
            "activity",
            at,
            None,
            SOURCE,
            message_id,
            arrival=request.arrival,
            partial=True,
            activity=activity,
        )
        return Message(kind, fact, unmapped)
    mapped = map_fields(traits)
    data, left_out = mapped if request.may_opt_in else _without_opt_in(mapped)
    change = CustomerChange(
        user_id,
        "changed",
        at,
        data,
        SOURCE,
        message_id,
        arrival=request.arrival,
        partial=True,
    )
    return Message(kind, change, left_out)


def read_instant(raw: Any) -> datetime | None:
    """Returns an ISO 8601 instant, one without an offset as UTC; `None` for anything else."""
    if not isinstance(raw, str):
        return None
    try:
        instant = datetime.fromisoformat(raw)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _identifier(raw: Mapping[str, Any], name: str) -> str | None:
    """Returns an identifier, a number as its digits; `None` where there is none. Raises `Invalid`."""
    value = raw.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    raise Invalid.at(f"/{name}", "invalid_identifier", "must be text or a whole number")


def _traits(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the traits of a message over those of its context, where RudderStack puts them."""
    context = raw.get("context")
    traits: dict[str, Any] = {}
    for given in (context.get("traits") if isinstance(context, Mapping) else None, raw.get("traits")):
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise Invalid.at("/traits", "invalid_traits", "traits must be an object")
        traits |= given
    return traits


def _activity(raw: Mapping[str, Any]) -> tuple[Activity, list[LeftOut]]:
    """Returns what was done, by the rules of foreign names. Raises `Invalid`."""
    event, given = raw.get("event"), raw.get("properties")
    if not isinstance(event, str) or not event:
        raise Invalid.at("/event", "event_required", "event names what was done")
    name = key_of(event)
    if name is None:
        raise Invalid.at("/event", "unmappable_name", "no key of at most 63 a-z, 0-9 and _ can be made of it")
    if given is not None and not isinstance(given, Mapping):
        raise Invalid.at("/properties", "invalid_properties", "properties must be an object")
    properties, left_out = map_properties(given or {})
    return Activity(name, properties), left_out


def _without_opt_in(mapped: Mapped) -> Mapped:
    data, left_out = mapped
    if "opted_out" not in data.model_fields_set or data.opted_out:
        return mapped
    kept: dict[str, Any] = {name: getattr(data, name) for name in data.model_fields_set - {"opted_out"}}
    refused = LeftOut("opted_out", "opt_in_refused", "a key that may be published cannot withdraw an opt-out")
    return Mapped(CustomerData(**kept), [*left_out, refused])


def _time(raw: Mapping[str, Any], request: Request) -> datetime:
    """Returns when a message happened by our clock; never after it was received."""
    given = raw.get("timestamp") or raw.get("originalTimestamp")
    if given is None:
        return request.received
    at = read_instant(given)
    if at is None:
        raise Invalid.at("/timestamp", "invalid_time", "must be ISO 8601, such as 2026-05-20T10:00:00.000Z")
    sent = request.sent or read_instant(raw.get("sentAt"))
    # What another platform has received before is corrected already.
    if sent is not None and "receivedAt" not in raw and abs(request.received - sent) > TRANSIT:
        try:
            at += request.received - sent
        except OverflowError:
            return request.received
    return min(at, request.received)
