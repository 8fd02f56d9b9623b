"""Analytics SDKs: `POST /v1/batch` and its siblings, as the SDKs of Segment and RudderStack send them, unmodified.

Every message of a request ends in exactly one result, counted in the transaction that stores what it says. A readable
request is answered 200 and `{"success": true}`, because SDKs throw away what is refused otherwise; where nothing of it
was taken it is refused. What they read of errors is `code` and `message`; they repeat after 429 and 503.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter
from prometheus_client import Counter as Metric

from api.http.access import Caller
from api.http.dependencies import Services, ServicesDep
from api.http.problems import RequestError, problem
from api.http.read_your_writes import WaitingAnswer, keep_pace, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, takes
from api.http.shapes.sdk import (
    EXAMPLE_ANSWER,
    EXAMPLE_BATCH,
    EXAMPLE_MESSAGE,
    EXAMPLE_TRACK,
    RejectedMessage,
    SdkAnswer,
    SdkBatch,
    SdkMessage,
    TrackMessage,
    ValueLeftOut,
)
from api.ingest.sent import interrupted
from api.ingest.write_key import Collected, Collector
from domain.commands.log import Receipt
from domain.customer import Outcome
from domain.errors import Invalid, Unavailable
from domain.formats.analytics import MESSAGE_TYPES, SOURCE, Message, MessageType, Request, read_instant, read_message
from domain.formats.names import LeftOut, left_out_of

router = APIRouter(prefix="/v1", tags=["analytics SDKs"], route_class=AccountRoute)
# Stored together, as `api.v1.bulk` does; SDKs send at most a hundred at once.
SLICE = 100
MAX_MESSAGES = 2_500
MOST_SHOWN = 100
# How long an answer waits for the read models, in seconds: SDKs do not read, and their queues are short.
PATIENCE = 0.25
UNREADABLE = "(unreadable)"
# An older name of each address, which analytics.js uses.
SHORT = {"batch": "b", "identify": "i", "track": "t", "group": "g", "alias": "a", "page": "p", "screen": "s"}
_messages = Metric("rollcall_sdk_messages_total", "Messages of analytics SDKs, by result", ["type", "result"])


class _Rejected(NamedTuple):
    """Why a message was rejected."""

    name: str
    message_id: str | None
    code: str
    detail: str


class _Read(NamedTuple):
    """A message of a batch, by its place in it."""

    place: int
    message: Message | _Rejected


def _taken(model: type[SdkBatch | SdkMessage], example: Any) -> dict[str, Any]:
    return {
        "responses": answers({200: ("Taken in; what was not is named.", EXAMPLE_ANSWER)}, 400, 413, 415),
        "openapi_extra": takes(model, example),
        "response_model": SdkAnswer,
    }


def batch(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in a batch of messages of every type."""
    return (yield from _take_batch(services, collected))


def import_(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in a batch of messages of the past; the same as `/v1/batch`."""
    return (yield from _take_batch(services, collected))


def identify(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Set traits of a customer, who is created where there is none."""
    return (yield from _take_one(services, collected, "identify"))


def track(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Record what a customer did, who is created where there is none."""
    return (yield from _take_one(services, collected, "track"))


def group(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in that a customer belongs to a group: it is counted, and changes nothing."""
    return (yield from _take_one(services, collected, "group"))


def alias(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in that two ids are one customer: it is counted, and changes nothing."""
    return (yield from _take_one(services, collected, "alias"))


def page(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in that a customer saw a page: it is counted, and changes nothing."""
    return (yield from _take_one(services, collected, "page"))


def screen(services: ServicesDep, collected: Collector) -> WaitingAnswer:
    """Take in that a customer saw a screen: it is counted, and changes nothing."""
    return (yield from _take_one(services, collected, "screen"))


_SHAPES: dict[str, tuple[type[SdkBatch | SdkMessage], Any]] = {
    "batch": (SdkBatch, EXAMPLE_BATCH),
    "import": (SdkBatch, EXAMPLE_BATCH),
    "track": (TrackMessage, EXAMPLE_TRACK),
}
for _name, _handler in {
    "batch": batch, "import": import_, "identify": identify, "track": track, "group": group, "alias": alias,
    "page": page, "screen": screen,
}.items():  # fmt: skip
    _options = _taken(*_SHAPES.get(_name, (SdkMessage, EXAMPLE_MESSAGE)))
    router.add_api_route(f"/{_name}", _handler, methods=["POST"], operation_id=f"sdk_{_name}", **_options)
    if _name in SHORT:
        router.add_api_route(f"/{SHORT[_name]}", _handler, methods=["POST"], include_in_schema=False, **_options)
PATHS = tuple(route.path for route in router.routes if hasattr(route, "path"))


def _take_batch(services: Services, collected: Collected) -> WaitingAnswer:
    body = collected.sent.value
    messages = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        raise Invalid.at("/batch", "invalid_body", "needs a JSON object with a list of messages under batch")
    return (yield from _take(services, collected.caller, messages, body.get("sentAt")))


def _take_one(services: Services, collected: Collected, kind: MessageType) -> WaitingAnswer:
    body = collected.sent.value
    if not isinstance(body, dict):
        raise Invalid.at("", "invalid_body", "needs a JSON object")
    return (yield from _take(services, collected.caller, [body], body.get("sentAt"), kind))


def _take(
    services: Services, caller: Caller, raw: Sequence[Any], sent_at: Any, kind: MessageType | None = None
) -> WaitingAnswer:
    """Takes in messages a slice at a time; a repeat after a failure between two slices changes nothing twice."""
    if len(raw) > MAX_MESSAGES:
        raise RequestError(413, "too_many_messages", f"at most {MAX_MESSAGES:,} messages at a time")
    services.limits.count_lines(str(caller.account_id), len(raw))
    request = Request(services.rollcall.now(), read_instant(sent_at), caller.arrival, caller.kind != "sdk")
    rejected, left_out = list[RejectedMessage](), list[ValueLeftOut]()
    position, paced = services.rollcall.head(), True
    for start in range(0, len(raw), SLICE):
        read = [_Read(start + n, _read(each, request, kind)) for n, each in enumerate(raw[start : start + SLICE])]
        try:
            before, position = position, _store(services, caller, read, rejected, left_out)
        except Unavailable as failure:
            raise interrupted(failure, start) from failure
        if start + SLICE < len(raw):
            paced = yield from keep_pace(services, caller.account_id, before, paced)
    yield from wait_until_visible(services, caller.account_id, position, at_most=PATIENCE)
    answered: SdkAnswer = {"success": True}
    if rejected:
        answered["rejected"] = rejected[:MOST_SHOWN]
    if left_out:
        answered["left_out"] = left_out[:MOST_SHOWN]
    if not rejected or len(rejected) < len(raw):
        return answer(answered, position)
    detail = f"no message was taken; message {rejected[0]['index']}: {rejected[0]['detail']}"
    return problem(422, "no_message_taken", detail, rejected=rejected[:MOST_SHOWN])


def _read(raw: Any, request: Request, kind: MessageType | None) -> Message | _Rejected:
    try:
        return read_message(raw, request, kind)
    except Invalid as bad:
        given = raw if isinstance(raw, dict) else {}
        message_id, name = given.get("messageId"), kind or given.get("type")
        shown = message_id[:MOST_SHOWN] if isinstance(message_id, str) else None
        return _Rejected(name if name in MESSAGE_TYPES else UNREADABLE, shown, bad.code, bad.detail)


def _store(
    services: Services,
    caller: Caller,
    read: Sequence[_Read],
    rejected: list[RejectedMessage],
    left_out: list[ValueLeftOut],
) -> int:
    """Stores a slice, and notes what was not taken of it. Returns the position after it."""
    changes = {place: each.change for place, each in read if isinstance(each, Message) and each.change is not None}
    changed = services.rollcall.customers.change(
        caller.account_id,
        list(changes.values()),
        receipts_of=lambda outcomes: _receipts(read, dict(zip(changes, outcomes, strict=True))),
    )
    results = dict(zip(changes, changed.outcomes, strict=True))
    for receipt, count in _receipts(read, results).items():
        if receipt.subject == "message":
            _messages.labels(receipt.name, receipt.result).inc(count)
    for place, message in read:
        outcome = results.get(place)
        if isinstance(message, _Rejected):
            _, message_id, code, detail = message
            rejected.append({"index": place, "messageId": message_id, "code": code, "detail": detail})
        elif outcome is not None and outcome.result == "invalid":
            first = outcome.errors[0]
            rejected.append({"index": place, "messageId": None, "code": first.code, "detail": first.detail})
        for name, code, detail in _left_out(message, outcome):
            left_out.append({"index": place, "name": name, "code": code, "detail": detail})
    return changed.position


def _receipts(read: Sequence[_Read], results: dict[int, Outcome]) -> Counter[Receipt]:
    """Returns what to count of a slice: each message once, and the values that were left out."""
    counts = Counter[Receipt]()
    for place, message in read:
        outcome = results.get(place)
        if isinstance(message, _Rejected):
            counts[Receipt(SOURCE, "message", message.name, message.code)] += 1
        elif outcome is None:
            result = "anonymous" if message.type in ("identify", "track") else "counted"
            counts[Receipt(SOURCE, "message", message.type, result)] += 1
        else:
            result = outcome.errors[0].code if outcome.result == "invalid" else outcome.result
            counts[Receipt(SOURCE, "message", message.type, result)] += 1
        counts.update(Receipt(SOURCE, "value", each.name, each.code) for each in _left_out(message, outcome))
    return counts


def _left_out(message: Message | _Rejected, outcome: Outcome | None) -> list[LeftOut]:
    """Returns the values of a message that took effect without them."""
    if isinstance(message, _Rejected) or outcome is None or outcome.result in ("invalid", "duplicate"):
        return []
    return [*message.left_out, *left_out_of(outcome.errors)]
