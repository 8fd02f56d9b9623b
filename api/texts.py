"""Texts in addresses and headers: what may stand there, and entity tags."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from fastapi import Header, Path, Query

from api.problems import RequestError

# No control characters, NUL among them: PostgreSQL cannot store it, and nobody means it.
TEXT_PATTERN = r"^[^\x00-\x1f\x7f]*$"
_ETAG = re.compile(r'"(\d{1,18})"', re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)

SearchText = Annotated[
    str | None, Query(max_length=200, pattern=TEXT_PATTERN, description="Words, or the beginning of a phone number.")
]
PathText = Annotated[str, Path(min_length=1, max_length=512, pattern=TEXT_PATTERN)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        json_schema_extra={"pattern": r'^(\*|"[0-9]{1,18}")$'},
        description="The `ETag` that was read, or `*`. Refused with 412 where it is no longer the present one.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A name for this request: repeating it within a day gives the same answer and no second effect.",
    ),
]


def etag(version: int) -> str:
    """The strong entity tag of an aggregate's version."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version that `If-Match` names; `None` where any will do."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestError(
            400, "invalid_if_match", 'If-Match takes one ETag such as "3", or *', pointer="/header/If-Match"
        )
    return int(found[1])


def uuid_in(text: str) -> UUID | None:
    """The UUID that a text is written as, in its usual form; `None` for anything else."""
    return UUID(text) if _UUID.match(text) else None
