"""What the OpenAPI document says of each route: bodies, answers, every problem, examples.

Routes name their statuses with `answers` and their body with `takes`; `install` completes FastAPI's
document with the models behind them and the kinds of problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

from api.http.problems import KINDS, MEDIA_TYPE, Problem
from api.http.shapes.attributes import AttributeBody
from api.http.shapes.bodies import Stored
from api.http.shapes.campaigns import CampaignBody, CampaignCopyBody, CampaignPatch, OverlapBody
from api.http.shapes.customers import BulkLine, CustomerBody, MembersBody, SearchBody
from api.http.shapes.events import ActivityLine, CloudEvent
from api.http.shapes.filters import filter_schemas
from api.http.shapes.jobs.job import JobBody
from api.http.shapes.keys import KeyBody
from api.http.shapes.memberships import PreviewBody
from api.http.shapes.sdk import SdkBatch, SdkMessage, TrackMessage
from api.http.shapes.segments import LabelBody, SegmentBody, SegmentCopyBody, SegmentPatch
from api.http.shapes.webhooks import RedeliveryBody, WebhookBody, WebhookPatch

REF = "#/components/schemas/"
_PAGE = re.compile(r"\bPageOf_(\w+)_\Z")
DESCRIPTION = """Customer segments that are always up to date.

Every address under `/v1` takes an API key, which belongs to one account. Writes answer with the header
`Rollcall-Position`; any GET accepts `?min_position=<that number>` (see `components.parameters.MinPosition`) and then
waits up to five seconds until it includes that write, else it answers 504 `projection_lag`.
Bodies may be sent with `Content-Encoding: gzip` or `zstd`; answers are packed by `Accept-Encoding`.
Errors are `application/problem+json`; what their `type` means is under `components.x-problems`."""

_HEADERS: dict[str, dict[str, Any]] = {
    "Rollcall-Position": {
        "description": "A write: the position that includes it. A read: the position that it reflects.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Rollcall-Next-After": {
        "description": "Of a stream: membership changes `after` this number are those that it does not reflect.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ETag": {
        "description": "The version, for `If-Match`.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Location": {"description": "The address of what was created.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "The limit met or nearest: what is left (r), seconds until it is whole again (t).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "That limit: its quota (q) and window in seconds (w).",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Allow": {"description": "The methods of the address.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "The request's id in the log.", "schema": {"type": "string"}},
}
_RATE = ["RateLimit", "RateLimit-Policy"]
_OF_STATUS = {
    401: ["WWW-Authenticate"],
    405: ["Allow"],
    429: ["Retry-After", *_RATE],
    503: ["Retry-After"],
    504: ["Retry-After"],
}
# Models that FastAPI does not see, because handlers read bodies themselves and errors come from `api.http.problems`.
NOT_DECLARED: dict[str, Any] = {
    model.__name__: model
    for model in (
        KeyBody,
        SdkBatch,
        SdkMessage,
        TrackMessage,
        CloudEvent,
        ActivityLine,
        AttributeBody,
        CustomerBody,
        BulkLine,
        SegmentBody,
        SegmentPatch,
        SegmentCopyBody,
        LabelBody,
        MembersBody,
        PreviewBody,
        SearchBody,
        JobBody,
        CampaignBody,
        CampaignPatch,
        CampaignCopyBody,
        OverlapBody,
        WebhookBody,
        WebhookPatch,
        RedeliveryBody,
        Problem,
        Stored,
    )
}


def answers(
    success: Mapping[int, tuple[str, Any]], *problems: int, headers: tuple[str, ...] = ("Rollcall-Position",)
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: its successes with an example each, and its problems."""
    described: dict[int | str, dict[str, Any]] = {}
    for status, (description, example) in success.items():
        described[status] = {
            "description": description,
            "headers": {name: _HEADERS[name] for name in (*headers, *_RATE, "X-Request-Id")},
        }
        if example is not None:
            described[status]["content"] = {"application/json": {"example": example}}
    for status in sorted({401, 403, 406, 422, 429, 500, 503, *problems}):
        described[status] = _problem(status)
    return described


def or_streams(
    described: dict[int | str, dict[str, Any]], noun: str, *, followed: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The same for a list that is also answered whole, in one stream; `noun` is what a line holds.

    One that is `followed` is also answered as a stream of server-sent events, without an end.
    """
    forms = {
        "application/x-ndjson": f"{noun} per line, then a line with their `count`. A stream that was cut off has none.",
        "text/csv": (
            f"A header, then {noun} per line, as stored: cells are not made harmless for spreadsheets (the console's "
            "downloads are). A stream that was cut off has no last chunk, or no end of the stream."
        ),
    }
    if followed:
        forms["text/event-stream"] = (
            f"{noun.capitalize()} per event, as `data`; `id` is its number, for `Last-Event-ID`. An event with an `id` "
            "alone says how far there was nothing. Every 15 seconds a comment shows that the stream is alive."
        )
    described[200]["content"] |= {form: {"schema": {"type": "string", "description": forms[form]}} for form in forms}
    described[200]["headers"] |= {"Rollcall-Next-After": _HEADERS["Rollcall-Next-After"]}
    return described


def or_stored(described: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """The same for a write that is answered 202 where what it stored cannot be shown; see `responses.stored`."""
    content = {
        "schema": {"$ref": f"{REF}Stored"},
        "example": {"id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77", "version": 1},
    }
    names = ("Rollcall-Position", "Location", *_RATE, "X-Request-Id")
    described[202] = {
        "description": "Stored or begun, but it cannot be shown yet: read it at `Location`, do not send it again.",
        "headers": {name: _HEADERS[name] for name in names},
        "content": {"application/json": content},
    }
    return described


def takes(model: type[BaseModel], example: Any, media_type: str = "application/json") -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {media_type: {"schema": {"$ref": REF + model.__name__}, "example": example}},
        }
    }


def takes_lines(model: type[BaseModel], example: str) -> dict[str, Any]:
    """The `openapi_extra` of a route that takes NDJSON."""
    described = {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": f"One {model.__name__} (see `components.schemas`) in JSON on each line; no line is fine.",
        },
        "example": example,
    }
    return {
        "requestBody": {
            "required": False,
            "content": {"application/x-ndjson": {"schema": described["schema"]}, "text/plain": described},
        }
    }


def open_answers(success: Mapping[int, tuple[str, Any]], *problems: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that needs no key."""
    described = answers(success, *problems, headers=())
    return {status: each for status, each in described.items() if status not in (401, 403, 406, 422, 429)}


def install(app: FastAPI) -> None:
    """Serve the completed document at /openapi.json."""

    @cache
    def document() -> dict[str, Any]:
        drawn = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        _complete_answers(drawn, app.state.routes)
        drawn["servers"] = [{"url": "/"}]
        components = drawn.setdefault("components", {})
        _, models = TypeAdapter.json_schemas(
            [(name, "validation", TypeAdapter(model)) for name, model in NOT_DECLARED.items()],
            ref_template=REF + "{model}",
        )
        components["schemas"] = {**models.get("$defs", {}), **components.get("schemas", {}), **filter_schemas()}
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        for name, schema in components["schemas"].items():
            # Pages of all kinds share a title otherwise, and generators of clients name classes by it.
            schema["title"] = name
        components["parameters"] = {"MinPosition": _MIN_POSITION}
        for operation in (each for path in drawn["paths"].values() for each in path.values()):
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _never_null(parameter["schema"])
        for path, operations in drawn["paths"].items():
            if path.startswith("/v1") and "get" in operations:
                operations["get"].setdefault("parameters", []).append({"$ref": "#/components/parameters/MinPosition"})
        components["x-problems"] = {
            kind.name: {"status": status, "title": kind.title, "remedy": kind.remedy} for status, kind in KINDS.items()
        }
        named: dict[str, Any] = _with_names(drawn)
        return named

    app.openapi = document  # type: ignore[method-assign]


def _complete_answers(drawn: dict[str, Any], routes: Iterable[object]) -> None:
    """Add what FastAPI leaves out: nulls in examples, and the schema of a second success."""
    for route in (each for each in routes if isinstance(each, APIRoute) and each.include_in_schema):
        for method in route.methods or ():
            described = drawn["paths"][route.path_format][method.lower()]["responses"]
            successes = [each["content"]["application/json"] for each in described.values() if _is_json(each)]
            schemas = [each["schema"] for each in successes if "schema" in each]
            for success in successes:
                success.setdefault("schema", *schemas[:1])
            for status, promised in route.responses.items():
                for media_type, content in promised.get("content", {}).items():
                    if "example" in content:
                        described[str(status)]["content"][media_type]["example"] = content["example"]


def _with_names(drawn: Any) -> Any:
    """The document with references in place of `x-schema`, and pages named after what is on them."""
    if isinstance(drawn, list):
        return [_with_names(each) for each in drawn]
    if not isinstance(drawn, dict):
        return _page_name(drawn) if isinstance(drawn, str) else drawn
    named = {_page_name(key): _with_names(each) for key, each in drawn.items()}
    assert len(named) == len(drawn), "a page has the name of another schema"
    if "x-schema" in named:
        return {"$ref": REF + named["x-schema"]}
    return named


def _page_name(text: str) -> str:
    return _PAGE.sub(r"\1Page", text)


def _is_json(answer: dict[str, Any]) -> bool:
    return "application/json" in answer.get("content", {})


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of an optional parameter without `null`: it may be left out, but not sent as null."""
    given = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    return {**(given[0] if len(given) == 1 else {}), **schema}


_MIN_POSITION = {
    "name": "min_position",
    "in": "query",
    "description": "For every GET: wait (at most 5 s) until the answer includes this `Rollcall-Position`, else 504.",
    "schema": {"type": "integer", "minimum": 0},
}


def _problem(status: int) -> dict[str, Any]:
    kind = KINDS[status]
    example = {
        "type": f"/openapi.json#/components/x-problems/{kind.name}",
        "title": kind.title,
        "status": status,
        "detail": kind.remedy,
        "code": kind.name.replace("-", "_"),
        "message": kind.remedy,
        "errors": [],
    }
    return {
        "description": kind.title,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{REF}Problem"}, "example": example}},
        "headers": {name: _HEADERS[name] for name in [*_OF_STATUS.get(status, []), "X-Request-Id"]},
    }
