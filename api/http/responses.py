"""Successful answers: exact JSON, and the headers that CONTRACT promises on them."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from api.http.parameters import etag
from api.http.read_your_writes import POSITION_HEADER
from api.http.shapes.bodies import Stored
from domain import json_text
from domain.commands.log import Saved


def answer(
    body: Any, position: int, *, status: int = 200, version: int | None = None, location: str | None = None
) -> Response:
    """Returns a JSON response: of a read that reflects a log position, or of a write that the position includes."""
    headers = {POSITION_HEADER: str(position)}
    if version is not None:
        headers["ETag"] = etag(version)
    if location is not None:
        headers["Location"] = location
    return Response(json_text.dumps(body), status, headers, "application/json")


def stored(saved: Saved, location: str) -> Response:
    """Returns the response to a write that is done, where the database or the read models cannot show it."""
    body: Stored = {"id": saved.id, "version": saved.version}
    return answer(body, saved.position, status=202, location=location)


def no_content(position: int) -> Response:
    """Returns the response to a deletion, which the position includes."""
    return Response(status_code=204, headers={POSITION_HEADER: str(position)})


def attachment(name: str, position: int) -> dict[str, str]:
    """Returns the headers of a download called `name`."""
    return {POSITION_HEADER: str(position), "Content-Disposition": f'attachment; filename="{name}"'}
