"""What a form of the console sends, however many fields it has: read with a limit, every name with all its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.http.dependencies import ServicesDep
from api.http.json_body import limited_chunks, require_media_type


class Posted:
    """The fields of a form."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every name with each of its values."""
        return ((name, value) for name, values in self._values.items() for value in values)

    def one(self, name: str) -> str:
        """The value of a field that stands in the form once; empty where it does not."""
        return self._values.get(name, [""])[-1]

    def number(self, name: str) -> int | None:
        """The whole number that stands in the form once; `None` for anything else."""
        text = self.one(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def every(self, name: str) -> list[str]:
        """All values under one name, in order."""
        return self._values.get(name, [])


async def posted(request: Request, services: ServicesDep) -> Posted:
    """The form in a body of at most `max_body` bytes. Raises `RequestError`."""
    require_media_type(request, "application/x-www-form-urlencoded")
    body = b"".join([chunk async for chunk in limited_chunks(request, services.max_body)])
    return Posted(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


Form = Annotated[Posted, Depends(posted)]
