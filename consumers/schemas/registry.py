"""Confluent's schema registry, and what speaks its API: Karapace, Redpanda, Apicurio.

Called by `consumers.topic_formats`. A framed value begins with a zero byte and the number of its schema. What always
holds: a schema is fetched once, since the registry never changes what a number stands for; a registry that does not
answer raises `Unavailable`, so that nothing becomes a dead letter for it; a number that it does not know, a schema
that cannot be used, and bytes that do not fit raise `Invalid`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from consumers.http_client import Answer, NoAnswerError, basic, request
from domain import json_text
from domain.errors import Invalid, Unavailable

Decoder = Callable[[bytes], Any]
MAX_SCHEMAS = 1_000
# A number that the registry does not know may be registered by the next minute.
_UNKNOWN_SECONDS = 60.0
_HEADER_BYTES = 5
_MAX_REFERENCES, _MAX_DEPTH = 100, 20
# The registry's own codes; a 404 without one is of something else than a registry.
_NOT_FOUND = {40_401, 40_402, 40_403}


class Schema(NamedTuple):
    """A schema: its kind, its text (of Protobuf the descriptor in base64), and those that it refers to by name.

    A schema comes after those that it refers to.
    """

    kind: str
    text: str
    references: list[tuple[str, str]]


def is_framed(content: bytes | None) -> bool:
    """Returns whether bytes begin as a framed value; no JSON does."""
    return content is not None and content[:1] == b"\x00" and len(content) >= _HEADER_BYTES


class SchemaRegistry:
    """A registry at an address. `password` is read anew for each request. Used by several threads."""

    def __init__(
        self, url: str, user: str | None = None, password: Callable[[], str] | None = None, ca: Path | None = None
    ) -> None:
        self._url = url
        self._user = user
        self._password = password
        self._ca = ca
        self._decoders: OrderedDict[int, Decoder | tuple[Invalid, float]] = OrderedDict()

    def decode(self, framed: bytes) -> Any:
        """Returns what a framed value says. Raises `Invalid`, `Unavailable`."""
        return self._decoder(int.from_bytes(framed[1:_HEADER_BYTES], "big"))(framed[_HEADER_BYTES:])

    def _decoder(self, number: int) -> Decoder:
        known = self._decoders.get(number)
        if isinstance(known, tuple):
            error, until = known
            if time.monotonic() < until:
                raise error
        elif known is not None:
            return known
        try:
            decoder = _decoder_of(self._fetch(number))
        except Invalid as error:
            self._keep(number, (error, time.monotonic() + _UNKNOWN_SECONDS))
            raise
        self._keep(number, decoder)
        return decoder

    def _keep(self, number: int, known: Decoder | tuple[Invalid, float]) -> None:
        self._decoders[number] = known
        while len(self._decoders) > MAX_SCHEMAS:
            self._decoders.popitem(last=False)

    def _fetch(self, number: int) -> Schema:
        place = f"/schemas/ids/{number}"
        found = self._get(place, f"schema {number}")
        references: dict[str, str] = {}
        self._fetch_references(found, references, frozenset())
        return Schema(_kind(found), self._text(found, place), list(references.items()))

    def _fetch_references(self, found: dict[str, Any], into: dict[str, str], around: frozenset[str]) -> None:
        """Add what a schema refers to, each after what it refers to itself; a circle fails when it is read."""
        for each in found.get("references") or ():
            name = str(each["name"])
            if name in into or name in around:
                continue
            if len(into) >= _MAX_REFERENCES or len(around) >= _MAX_DEPTH:
                raise Invalid("unsupported_schema", f"the schema refers to more than {_MAX_REFERENCES} others")
            place = f"/subjects/{quote(str(each['subject']), safe='')}/versions/{int(each['version'])}"
            other = self._get(place, f"version {each['version']} of {each['subject']}")
            self._fetch_references(other, into, around | {name})
            into[name] = self._text(other, place)

    def _text(self, found: dict[str, Any], place: str) -> str:
        """Returns a schema's text; Protobuf's as a descriptor, which needs no compiler here."""
        if _kind(found) == "PROTOBUF":
            found = self._get(f"{place}?format=serialized", "the descriptor of a Protobuf schema")
        return str(found["schema"])

    def _get(self, path: str, what: str) -> dict[str, Any]:
        try:
            login = None
            if self._user is not None and self._password is not None:
                login = basic(self._user, self._password())
            answer = request(self._url, path, authorization=login, ca=self._ca)
        except NoAnswerError as error:
            raise self._unavailable(f"does not answer: {error}") from None
        if answer.status == 200:
            try:
                found = json_text.loads(answer.body)
                if isinstance(found, dict) and isinstance(found.get("schema"), str):
                    return found
            except ValueError:
                pass
            raise self._unavailable("answers with something else than a schema")
        if answer.status == 404 and _code(answer) in _NOT_FOUND:
            raise Invalid("unknown_schema", f"the schema registry has no {what}")
        if answer.status in (401, 403):
            sentence = f"The schema registry at {self._url} refuses the login (status {answer.status})"
            raise Unavailable("registry_login_refused", f"{sentence}; see ROLLCALL_SCHEMA_REGISTRY_USERNAME.")
        raise self._unavailable(f"answers with status {answer.status}")

    def _unavailable(self, sentence: str) -> Unavailable:
        return Unavailable("registry_unavailable", f"The schema registry at {self._url} {sentence}")


def _kind(found: dict[str, Any]) -> str:
    return str(found.get("schemaType") or "AVRO")


def _code(answer: Answer) -> int | None:
    try:
        found = json_text.loads(answer.body)
    except ValueError:
        return None
    code = found.get("error_code") if isinstance(found, dict) else None
    return code if isinstance(code, int) else None


def _decoder_of(schema: Schema) -> Decoder:
    """Returns what decodes the values of a schema. Raises `Invalid` for one that cannot be used."""
    if schema.kind == "AVRO":
        from consumers.schemas.avro import avro_decoder  # noqa: PLC0415 - most installations need neither library

        return avro_decoder(schema.text, schema.references)
    if schema.kind == "PROTOBUF":
        from consumers.schemas.protobuf import protobuf_decoder  # noqa: PLC0415

        return protobuf_decoder(schema.text, schema.references)
    if schema.kind == "JSON":
        return json_text.parse
    raise Invalid("unsupported_schema", "the schema is neither Avro nor Protobuf nor JSON")
