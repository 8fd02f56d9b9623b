"""A posted form whose fields are known only when it comes: each name with its texts, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.context import Here
from api.json_body import received

# Percent-encoding makes three bytes of one.
LARGER = 4


@dataclass(frozen=True, slots=True)
class Form:
    """What a browser sent of a form."""

    fields: list[tuple[str, str]]

    def text(self, name: str) -> str:
        """The text of a field, empty where there is none."""
        return next((text for field, text in self.fields if field == name), "")

    def number(self, name: str) -> int | None:
        """The whole number in a field, `None` for anything else."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


async def posted_form(request: Request, here: Here) -> Form:
    """The fields of an urlencoded body. Raises `RequestError` for one over the limit."""
    chunks = [chunk async for chunk in received(request, LARGER * here.max_body)]
    text = b"".join(chunks).decode("ascii", "replace")
    return Form(parse_qsl(text, keep_blank_values=True, errors="replace"))


Posted = Annotated[Form, Depends(posted_form)]
