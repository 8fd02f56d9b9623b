"""The form of Edit Customer: a customer's values as texts in typed inputs, and what of them was changed.

A form remembers the texts it was rendered with. Only what differs from them is a change, so whatever a text cannot
say exactly (fractions of a second, an hour that the clock repeats) stays as it is unless somebody touches it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from api.console.web.form_body import Posted
from domain import json_text
from domain.errors import FieldError, Invalid
from domain.filters.wording import Words
from domain.values import MAX_DIGITS, AttributeType, BadValue, instant_text, normalise

OWN = "attribute-"
LONG_TEXT = 80
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)\Z", re.ASCII)
_LONGEST_NUMBER = 2 * MAX_DIGITS + 4


@dataclass(frozen=True, slots=True)
class Field:
    """One input: its name in the form, the type of what it holds, the text in it, and the text it began with."""

    name: str
    label: str
    type: AttributeType
    text: str
    was: str

    @property
    def id(self) -> str:
        """Its id on the page, where the form may lie over another one."""
        return f"customer-{self.name}"

    @property
    def changed(self) -> bool:
        """Whether somebody wrote something else; browsers send line breaks in their own way."""
        return _lines(self.text) != _lines(self.was)

    @property
    def long(self) -> bool:
        """Whether the text needs more than a line."""
        return len(self.text) > LONG_TEXT or "\n" in _lines(self.text)


@dataclass(frozen=True, slots=True)
class CustomerForm:
    """Every input, and the account's other attributes, which could be added."""

    name: Field
    opted_out: Field
    tags: Field
    attributes: list[Field]
    addable: list[tuple[str, str]]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by the id of the input that it names."""
        inputs = (self.name, self.opted_out, self.tags, *self.attributes)
        told = {each.id: f"{each.label}: {self.errors[each.name]}" for each in inputs if each.name in self.errors}
        others = [detail for name, detail in self.errors.items() if name not in {each.name for each in inputs}]
        return told | ({"": " ".join(others)} if others else {})

    @property
    def was(self) -> str:
        """What the inputs were rendered with first, for the form to remember."""
        every = (self.name, self.opted_out, self.tags, *self.attributes)
        return json_text.dumps({each.name: each.was for each in every}).decode()

    def changes(self, zone: ZoneInfo) -> dict[str, Any]:
        """What was changed, as the body of a customer's change. Raises `Invalid` that points at each mistake."""
        attributes: dict[str, Any] = {}
        mistakes: list[FieldError] = []
        for each in self.attributes:
            if each.changed:
                value = _read(each, zone)
                if isinstance(value, BadValue):
                    mistakes.append(FieldError(f"/attributes/{each.name[len(OWN) :]}", value.code, value.detail))
                attributes[each.name[len(OWN) :]] = value
        if mistakes:
            raise Invalid(mistakes[0].code, mistakes[0].detail, mistakes)
        changed: dict[str, Any] = {"attributes": attributes} if attributes else {}
        if self.name.changed:
            changed["name"] = self.name.text
        if self.tags.changed:
            changed["tags"] = _lines(self.tags.text).split("\n")
        if self.opted_out.changed:
            changed["opted_out"] = bool(self.opted_out.text)
        return changed

    def with_errors(self, errors: Sequence[FieldError]) -> CustomerForm:
        """The same with what is wrong beside each input."""
        told = {each.pointer.removeprefix("/").replace("attributes/", OWN): each.detail for each in errors}
        return replace(self, errors={name: detail[:1].upper() + detail[1:] for name, detail in told.items()})


def form_of(values: Mapping[str, Any], words: Words) -> CustomerForm:
    """The form that shows a customer's values."""
    texts = {OWN + key: _text(values[key], words.types[key], words.zone) for key in words.labels if key in values}
    texts |= {
        "name": values.get("name") or "", "opted_out": "yes" if values.get("opted_out") is True else "",
        "tags": "\n".join(values.get("tags", ())),
    }  # fmt: skip
    return _form(texts, texts, words)


def form_in(posted: Posted, words: Words) -> CustomerForm:
    """The form as it was sent. Raises `Invalid` where it does not say what it was rendered with."""
    was = json_text.parse(posted.one("was").encode("utf-8", "replace"))
    if not isinstance(was, dict) or not all(isinstance(text, str) for text in was.values()):
        raise Invalid("invalid_form", "this form is not valid; open it again")
    added = OWN + posted.one("add")
    if posted.one("action") == "add" and added not in was:
        was[added] = ""
    return _form({name: posted.one(name) for name in was}, was, words)


def _form(texts: Mapping[str, str], was: Mapping[str, str], words: Words) -> CustomerForm:
    def the(name: str, label: str, kind: AttributeType) -> Field:
        return Field(name, label, kind, texts.get(name, ""), was.get(name, ""))

    labelled = sorted(((words.label(key), key) for key in words.labels), key=lambda each: each[0].casefold())
    return CustomerForm(
        the("name", "Name", "text"), the("opted_out", "Opted out", "boolean"), the("tags", "Tags", "list"),
        [the(OWN + key, label, words.types[key]) for label, key in labelled if OWN + key in was],
        [(key, label) for label, key in labelled if OWN + key not in was],
    )  # fmt: skip


def _text(value: Any, kind: AttributeType, zone: ZoneInfo) -> str:
    """A value in normal form as the text of its input."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case list() | tuple():
            return "\n".join(value)
        case str() if kind == "datetime":
            return _local(datetime.fromisoformat(value), zone)
    return str(value)


def _local(instant: datetime, zone: ZoneInfo) -> str:
    # At the very ends of the calendar there is no local time; in UTC then.
    with suppress(OverflowError):
        instant = instant.astimezone(zone)
    return instant.replace(tzinfo=None, microsecond=0).isoformat()


def _read(each: Field, zone: ZoneInfo) -> Any:
    """The JSON value that the text of an input means, or what is wrong with it."""
    text = _lines(each.text).strip()
    if not text:
        return None
    match each.type:
        case "number":
            if not _NUMBER.match(text) or len(text) > _LONGEST_NUMBER:
                return BadValue("invalid_number", "write a number such as 1204 or 19.90")
            value: Any = Decimal(text)
        case "boolean":
            value = text == "true"
        case "datetime":
            value = _instant(text, zone)
        case "list":
            value = text.split("\n")
        case _:
            value = text
    if isinstance(value, BadValue):
        return value
    normal = normalise(each.type, value)
    return normal if isinstance(normal, BadValue) else value


def _instant(text: str, zone: ZoneInfo) -> str | BadValue:
    try:
        local = datetime.fromisoformat(text)
        return instant_text(local if local.tzinfo else local.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return BadValue("invalid_datetime", "choose a day and a time")


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
