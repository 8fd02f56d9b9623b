"""CloudEvents over HTTP: `POST /v1/events`, binary, structured and batched, read as the events of Kafka are.

The answer says for each event what became of it, in order. An event that is invalid stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from api.http.access import Caller, Writer
from api.http.dependencies import Services, ServicesDep
from api.http.json_body import BodyOfAnyType
from api.http.problems import RequestError, problem
from api.http.read_your_writes import WaitingAnswer, keep_pace, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.customers import CustomerBody
from api.http.shapes.events import EXAMPLE_EVENT, EXAMPLE_RESULTS, EventResult, EventResults
from api.http.shapes.openapi import REF, answers
from api.ingest.sent import interrupted
from domain import json_text
from domain.customer import CustomerChange
from domain.errors import FieldError, Invalid, Unavailable
from domain.formats.cloud_events import (
    NAMES,
    Content,
    Mode,
    mode_of,
    read_binary,
    read_structured,
    read_time,
    require_attribute,
)

router = APIRouter(prefix="/v1", tags=["customers"], route_class=AccountRoute)
SLICE = 100
MAX_EVENTS = 2_500
_EVENT = {"$ref": f"{REF}CloudEvent"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": _EVENT, "example": EXAMPLE_EVENT},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": _EVENT, "maxItems": MAX_EVENTS},
                "example": [EXAMPLE_EVENT],
            },
            "application/json": {
                "schema": {"$ref": f"{REF}{CustomerBody.__name__}"},
                "example": EXAMPLE_EVENT["data"],
            },
        },
    }
}


@router.post(
    "/events",
    operation_id="send_events",
    response_model=EventResults,
    responses=answers({200: ("The result of each event.", EXAMPLE_RESULTS)}, 400, 413, 415),
    openapi_extra=_BODY,
)
def send_events(services: ServicesDep, caller: Writer, request: Request, body: BodyOfAnyType) -> WaitingAnswer:
    """Take in CloudEvents: one, whose attributes are `ce-` headers or in its JSON, or an array of such.

    Where no event is taken the answer is 422, with the same `results` beside the problem.
    """
    events = _events(request.headers, body)
    services.limits.count_lines(str(caller.account_id), len(events))
    position, paced = services.rollcall.head(), True
    results: list[EventResult] = []
    for start in range(0, len(events), SLICE):
        try:
            before, position = position, _store(services, caller, events[start : start + SLICE], results)
        except Unavailable as failure:
            raise interrupted(failure, start) from failure
        if start + SLICE < len(events):
            paced = yield from keep_pace(services, caller.account_id, before, paced)
    if paced:
        yield from wait_until_visible(services, caller.account_id, position)
    return _answer(results, position)


class _Event:
    """An event as it was sent: its attributes, and in binary mode its data beside them."""

    def __init__(self, attributes: Any, mode: Mode = "structured", body: bytes = b"") -> None:
        self._attributes, self._mode, self._body = attributes, mode, body

    @property
    def id(self) -> str | None:
        """Its id, where it has one that can be shown."""
        given = self._attributes.get("id") if isinstance(self._attributes, Mapping) else None
        return given if isinstance(given, str) else None

    def change(self, caller: Caller) -> CustomerChange:
        """Returns the change that it asks for. Raises `Invalid`."""
        content = self._content()
        event = self._attributes
        if content.kind == "deleted" and caller.kind != "admin":
            raise Invalid("forbidden", "erasing a customer needs a key of kind admin")
        source, change_id, subject = (require_attribute(event, name) for name in ("source", "id", "subject"))
        time = event.get("time")
        at = None if time is None else read_time(time)
        return CustomerChange(
            subject,
            content.kind,
            at,
            content.data,
            source,
            change_id,
            arrival=caller.arrival,
            activity=content.activity,
        )

    def _content(self) -> Content:
        if self._mode == "structured":
            return read_structured(self._attributes)
        return read_binary(self._attributes, self._mode, self._body)


def _events(headers: Mapping[str, str], body: bytes) -> list[_Event]:
    """Returns the events of a request. Raises `Invalid`, `RequestError`."""
    try:
        mode = mode_of(headers.get("content-type"))
    except Invalid as bad:
        raise RequestError(415, bad.code, bad.detail) from None
    if mode == "batched":
        batch = json_text.parse(body)
        if not isinstance(batch, list):
            raise Invalid.at("", "invalid_body", "a batch is a JSON array of events")
        if len(batch) > MAX_EVENTS:
            raise RequestError(413, "too_many_events", f"at most {MAX_EVENTS:,} events at a time")
        return [_Event(each) for each in batch]
    if mode == "structured":
        return [_Event(json_text.parse(body))]
    attributes = {name: unquote(headers[f"ce-{name}"]) for name in NAMES if f"ce-{name}" in headers}
    if not {"specversion", "type"} & set(attributes):
        detail = "send application/cloudevents+json, application/cloudevents-batch+json, or the headers ce-…"
        raise RequestError(415, "not_a_cloud_event", detail)
    return [_Event(attributes, mode, body)]


def _store(services: Services, caller: Caller, events: Sequence[_Event], results: list[EventResult]) -> int:
    """Stores a slice and adds its results. Returns the position after it."""
    changes: dict[int, CustomerChange] = {}
    for event in events:
        try:
            changes[len(results)] = event.change(caller)
            results.append({"id": event.id})
        except Invalid as bad:
            results.append(_invalid(event.id, bad.code, bad.errors or (FieldError("", bad.code, bad.detail),)))
    changed = services.rollcall.customers.change(caller.account_id, list(changes.values()))
    for place, outcome in zip(changes, changed.outcomes, strict=True):
        if outcome.result == "invalid":
            errors = [each._replace(pointer=_place_in_event(each.pointer)) for each in outcome.errors]
            results[place] = _invalid(results[place]["id"], errors[0].code, errors)
        else:
            results[place] |= {"result": outcome.result, "customer_id": outcome.customer_id}
    return changed.position


def _place_in_event(pointer: str) -> str:
    """Returns where in an event a part of a change is: a value is in its data."""
    return f"/data{pointer}" if pointer.startswith(("/attributes", "/properties")) else pointer


def _invalid(event_id: str | None, code: str, errors: Sequence[FieldError]) -> EventResult:
    detail = "; ".join(f"{each.pointer}: {each.detail}" if each.pointer else each.detail for each in errors)
    return {"id": event_id, "result": "invalid", "code": code, "detail": detail}


def _answer(results: list[EventResult], position: int) -> Response:
    invalid = [each for each in results if each["result"] == "invalid"]
    if not results or len(invalid) < len(results):
        return answer({"results": results}, position)
    return problem(422, "no_event_taken", f"no event was taken; {invalid[0]['detail']}", results=results)
