"""Parameters in paths, queries and headers: their types, how they are parsed, and entity tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Header, Path, Query
from starlette.convertors import Convertor, register_url_convertor

from api.http.problems import RequestError
from domain.customer import RESERVED
from domain.errors import Invalid
from domain.values import KEY_PATTERN, BadValue, normalise

# No control characters, NUL among them: PostgreSQL cannot store it.
TEXT_PATTERN = r"^[^\x00-\x1f\x7f]*$"
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_IF_MATCH = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'
_OUR_TAG = re.compile(r'(?<!/)"(\d{1,18})"', re.ASCII)
_NO_VERSION = -1
QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)

SearchText = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=TEXT_PATTERN,
        description="Beginnings of words of any text, list or tag, or of a phone number.",
    ),
]
PathText = Annotated[str, Path(min_length=1, max_length=512, pattern=TEXT_PATTERN)]
PathId = Annotated[str, Path(min_length=1, max_length=512, json_schema_extra={"format": "uuid"})]
# `{:customer}` in a route matches such a text, `{:segment}` an id of a segment, `{:campaign}` one of a campaign.
CustomerText = Annotated[
    str,
    Path(
        min_length=1,
        max_length=512,
        pattern=TEXT_PATTERN,
        description="The upstream system's id (may contain slashes), or our id of an existing customer.",
        json_schema_extra={"not": {"const": "bulk"}},
    ),
]
# The domain validates a key; the document shows the rule.
AttributeKey = Annotated[
    str,
    Path(
        max_length=512,
        json_schema_extra={"pattern": KEY_PATTERN, "not": {"enum": sorted(RESERVED)}},
    ),
]
KnownKey = Annotated[
    str,
    Path(
        max_length=512,
        description="Of an attribute of the account, or a built-in one.",
        json_schema_extra={"pattern": KEY_PATTERN},
    ),
]
InstantText = Annotated[
    str | None,
    Query(max_length=64, json_schema_extra={"format": "date-time"}, examples=["2026-05-20T10:00:00Z"]),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        examples=['"3"'],
        json_schema_extra={"pattern": _IF_MATCH},
        description="The `ETag` that was read, or `*`. Refused with 412 where it is no longer the current one.",
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


class _TextConvertor(Convertor[str]):
    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class CustomerConvertor(_TextConvertor):
    """Any text, slashes too, but not `bulk` nor `…/segments` and the like, which are routes of their own."""

    regex = r"(?!bulk$)(?![\s\S]*/(?:segments|activities|timeline)$)[\s\S]+"


class SegmentConvertor(_TextConvertor):
    """Any text without a slash, but for `preview`, `templates` and the sample, which are routes of their own."""

    regex = r"(?!preview$|templates$|import-sample\.csv$)[^/]+"


class CampaignConvertor(_TextConvertor):
    """Any text without a slash, but for `overlap`, which is a route of its own."""

    regex = r"(?!overlap$)[^/]+"


register_url_convertor("customer", CustomerConvertor())
register_url_convertor("segment", SegmentConvertor())
register_url_convertor("campaign", CampaignConvertor())


def etag(version: int) -> str:
    """Returns the strong entity tag of an aggregate's version."""
    return f'"{version}"'


def parse_if_match(if_match: str | None) -> int | None:
    """Returns the version that `If-Match` names, the newest where it names several; `None` where any will do.

    Weak tags, and tags that are not ours, match nothing (RFC 9110). Raises `RequestError` for bad syntax.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if not _TAGS.fullmatch(if_match.strip()):
        raise RequestError(
            400, "invalid_if_match", 'If-Match takes an ETag such as "3", or *', pointer="/header/If-Match"
        )
    return max((int(version) for version in _OUR_TAG.findall(if_match)), default=_NO_VERSION)


def accepted_type(accept: str | None, offered: Sequence[str]) -> str | None:
    """Returns the media type of those offered that `Accept` prefers (RFC 9110), `None` where it accepts none.

    The more specific range decides about a type, `q=0` refuses it; of equal ones that which `Accept` names first.
    """
    if not (accept or "").strip():
        return offered[0]
    ranges = [_media_range(text, place) for place, text in enumerate(str(accept).split(",")) if text.strip()]
    preferred: list[tuple[float, int, int, str]] = []
    for order, media_type in enumerate(offered):
        family = media_type.partition("/")[0]
        patterns = {media_type: 2, f"{family}/*": 1, "*/*": 0}
        fitting = [(patterns[name], -place, quality) for name, quality, place in ranges if name in patterns]
        if fitting:
            _, place, quality = max(fitting)
            preferred.append((-quality, -place, order, media_type))
    best = min(preferred, default=None)
    return best[3] if best is not None and best[0] < 0 else None


def _media_range(text: str, place: int) -> tuple[str, float, int]:
    name, *parameters = [part.strip().lower() for part in text.split(";")]
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    return name, float(quality) if QUALITY.fullmatch(quality) else 1.0, place


def parse_uuid(text: str) -> UUID | None:
    """Returns the UUID in a text, in its usual form; `None` for anything else."""
    return UUID(text) if _UUID.match(text) else None


def parse_instant(text: str, name: str) -> datetime:
    """Returns the instant in the query parameter `name`. Raises `Invalid`."""
    value = normalise("datetime", text)
    if not isinstance(value, str):
        detail = value.detail if isinstance(value, BadValue) else "needs an instant such as 2026-05-20T10:00:00Z"
        raise Invalid.at(f"/query/{name}", "invalid_instant", detail)
    return datetime.fromisoformat(value)
