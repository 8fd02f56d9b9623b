"""A filter in the address of a page, as JSON: of a search of customers, and of a segment that is begun with one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.console.filters.pasted import misshapen
from api.http.parameters import TEXT_PATTERN
from domain import json_text
from domain.errors import Invalid

# Servers and browsers take addresses of so many characters.
MAX_FILTER = 16_000
FilterText = Annotated[str, Query(alias="filter", max_length=MAX_FILTER, pattern=TEXT_PATTERN)]


def parse_filter_text(text: str) -> Any:
    """Returns the filter in an address as JSON, `None` without one. Raises `Invalid`."""
    if not text:
        return None
    parsed = json_text.parse(text.encode())
    if not isinstance(parsed, dict | list):
        raise Invalid.at("/query/filter", "invalid_filter", "the filter in the address is no filter")
    if wrong := misshapen(parsed):
        raise Invalid.at("/query/filter", "invalid_filter", wrong)
    return parsed
