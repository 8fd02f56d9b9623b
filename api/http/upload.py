"""A file in a multipart body, counted while it is received: what is too large stores nothing.

A handler takes `CsvFile`, a parameter after its caller, so that no body is read before the key is checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import IO, Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.http.dependencies import ServicesDep
from api.http.json_body import limited_chunks, require_media_type
from api.http.problems import RequestError
from domain.errors import Invalid

# Boundaries, headers and small fields beside the file.
AROUND = 64 << 10
SHOWN_NAME = 255
TAKES_CSV: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The CSV file."}},
                    "required": ["file"],
                },
                "encoding": {"file": {"contentType": "text/csv"}},
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A complete upload in a private temporary file, with its hash."""

    file: IO[bytes]
    name: str
    sha256: bytes


async def csv_file(request: Request, services: ServicesDep) -> AsyncIterator[Uploaded]:
    """Yields the part `file` of a multipart body, at most `max_import` bytes."""
    require_media_type(request, "multipart/form-data")
    too_large = RequestError(
        413,
        "file_too_large",
        f"at most {services.max_import:,} bytes in a file ({services.max_import >> 20} MB); split it",
    )
    form = None
    try:
        stream: AsyncGenerator[bytes, None] = limited_chunks(request, services.max_import + AROUND)
        form = await MultiPartParser(request.headers, stream, max_files=1, max_fields=10, max_part_size=AROUND).parse()
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Invalid.at("/file", "file_required", "send the CSV as the part `file`, with a file name")
        if (part.size or 0) > services.max_import:
            raise too_large
        digest = hashlib.sha256()
        while piece := part.file.read(1 << 16):
            digest.update(piece)
        part.file.seek(0)
        name = "".join(each for each in part.filename or "" if each.isprintable())[:SHOWN_NAME]
        yield Uploaded(part.file, name, digest.digest())
    except RequestError as refused:
        raise too_large if refused.status == 413 else refused from None
    except (MultiPartException, KeyError) as wrong:
        raise RequestError(400, "malformed_multipart", f"not multipart/form-data as in RFC 7578: {wrong}") from None
    finally:
        if form is not None:
            await form.close()


CsvFile = Annotated[Uploaded, Depends(csv_file)]
