"""The fields of a posted form: the body is read up to a limit; a name can have several values.

Lines end with a line feed, whatever the browser sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.http.dependencies import ServicesDep
from api.http.json_body import limited_chunks, require_media_type


class FormFields:
    """The fields of a form: every name with its values, in order."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yields every name with each of its values."""
        return ((name, value) for name, values in self._values.items() for value in values)

    def text(self, name: str) -> str:
        """Returns the last value of a field; an empty text where the form has no such field."""
        return self._values.get(name, [""])[-1]

    def number(self, name: str) -> int | None:
        """Returns the whole number in a field; `None` for anything else."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def all(self, name: str) -> list[str]:
        """Returns all values of a field, in order."""
        return self._values.get(name, [])


async def parse_form(request: Request, services: ServicesDep) -> FormFields:
    """Returns the form in a body of at most `max_body` bytes. Raises `RequestError`."""
    require_media_type(request, "application/x-www-form-urlencoded")
    body = b"".join([chunk async for chunk in limited_chunks(request, services.max_body)])
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return FormFields((name, with_plain_line_ends(value)) for name, value in pairs)


def with_plain_line_ends(text: str) -> str:
    """Returns `text` with each line ended by a line feed alone; browsers send a carriage return before it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


PostedForm = Annotated[FormFields, Depends(parse_form)]
