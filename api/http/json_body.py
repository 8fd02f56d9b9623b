"""Request bodies: read with a limit, parsed with exact numbers, checked against a model.

A handler takes `Body` (a parameter after its caller, so that no body is read before the key is checked) and
turns it into a model with `parse_body`. Bulk bodies go to a file first: what is too large stores nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from api.http.compression import ENCODINGS, unpacked
from api.http.dependencies import ServicesDep
from api.http.problems import RequestError, pointer_of
from domain import json_text
from domain.errors import FieldError, Invalid

IN_MEMORY = 1 << 20
JSON = ("application/json", "application/merge-patch+json")
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json", "text/plain")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SpooledBody:
    """A large body in a private temporary file, with its hash and the number of its lines."""

    file: IO[bytes]
    sha256: bytes
    line_count: int

    def lines(self, longest: int) -> Iterator[tuple[int, bytes | None]]:
        """Yields each line with its number from 1, without its ending; `None` for one over `longest` bytes."""
        number = 0
        while line := self.file.readline(longest + 2):
            number += 1
            too_long = len(line.rstrip(b"\r\n")) > longest
            while too_long and not line.endswith(b"\n") and (line := self.file.readline(1 << 16)):
                pass
            yield number, None if too_long else line.rstrip(b"\r\n")


async def json_body(request: Request, services: ServicesDep) -> bytes:
    """Returns a JSON body of at most `max_body` bytes."""
    require_media_type(request, *JSON)
    chunks = [chunk async for chunk in limited_chunks(request, services.max_body)]
    return b"".join(chunks)


async def body_of_any_type(request: Request, services: ServicesDep) -> bytes:
    """Returns a body of at most `max_body` bytes, whose type decides how it is read."""
    return b"".join([chunk async for chunk in limited_chunks(request, services.max_body)])


async def bulk_body(request: Request, services: ServicesDep) -> AsyncIterator[SpooledBody]:
    """Yields an NDJSON body of at most `max_bulk` bytes, once it is complete."""
    require_media_type(request, *NDJSON)
    digest = hashlib.sha256()
    line_ends, last = 0, b"\n"
    with SpooledTemporaryFile[bytes](max_size=IN_MEMORY) as file:
        async for chunk in limited_chunks(request, services.max_bulk):
            digest.update(chunk)
            file.write(chunk)
            line_ends, last = line_ends + chunk.count(b"\n"), chunk[-1:] or last
        file.seek(0)
        yield SpooledBody(file, digest.digest(), line_ends + (last != b"\n"))


Body = Annotated[bytes, Depends(json_body)]
BodyOfAnyType = Annotated[bytes, Depends(body_of_any_type)]
BulkBody = Annotated[SpooledBody, Depends(bulk_body)]


def parse_body(body: bytes, model: type[Model]) -> Model:
    """Returns the body as `model`. Raises `Invalid`, which points at each mistake."""
    raw = json_text.parse(body)
    try:
        return model.model_validate(raw)
    except ValidationError as bad:
        errors = [
            FieldError(pointer_of(each["loc"]), "invalid_field", each["msg"])
            for each in bad.errors(include_url=False, include_input=False, include_context=False)
        ]
    raise Invalid("invalid_body", f"{errors[0].pointer or 'the body'}: {errors[0].detail}", errors)


def parse_object_body(body: bytes) -> dict[str, Any]:
    """Returns the body as a JSON object. Raises `Invalid`."""
    raw = json_text.parse(body)
    if not isinstance(raw, dict):
        raise Invalid.at("", "invalid_body", "needs a JSON object")
    return raw


def require_media_type(request: Request, *media_types: str) -> None:
    """Raises `RequestError` for a body of any other type."""
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given and given not in media_types:
        raise RequestError(415, "unsupported_media_type", f"set Content-Type to {media_types[0]}")


def limited_chunks(request: Request, limit: int, unpacked_limit: int | None = None) -> AsyncGenerator[bytes, None]:
    """Returns the body in chunks, unpacked where it is packed by gzip or zstd.

    Raises `RequestError`: 413 above `limit` bytes, at once where `Content-Length` says so, and above `unpacked_limit`
    bytes (the same, where none is given) once unpacked; 415 for another `Content-Encoding`.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return _received(request, limit)
    if encoding not in ENCODINGS:
        detail = "send the body as it is, or with Content-Encoding: gzip or zstd"
        raise RequestError(415, "unsupported_encoding", detail)
    return unpacked(_received(request, limit), encoding, unpacked_limit or limit)


async def _received(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isascii() and declared.isdigit() else 0
    too_large = RequestError(413, "body_too_large", f"at most {limit:,} bytes at a time")
    if size > limit:
        # Nothing was read, so that much more of it may be thrown away (`api.http.instrumentation`).
        request.state.unread = limit
        raise too_large
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        yield chunk
