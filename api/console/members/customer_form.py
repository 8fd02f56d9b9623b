"""The form of Edit Customer: a customer's values as texts in inputs, and which of them were changed.

A form contains the texts it was rendered with. Only what differs from them is a change, so a value that a text cannot
show exactly (fractions of a second, an hour that the clock repeats) stays unchanged unless its input is edited.
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

from api.console.web.form_body import FormFields
from domain import json_text
from domain.errors import FieldError, Invalid
from domain.filters.wording import Words
from domain.texts.language import said
from domain.values import MAX_DIGITS, AttributeType, BadValue, instant_text, normalise, with_line_feeds

ATTRIBUTE_PREFIX = "attribute-"
LONG_TEXT = 80  # characters
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)\Z", re.ASCII)
_LONGEST_NUMBER = 2 * MAX_DIGITS + 4


@dataclass(frozen=True, slots=True)
class CustomerField:
    """One input: its name in the form, the type of its value, the text in it, and the text it was rendered with."""

    name: str
    label: str
    type: AttributeType
    text: str
    was: str

    @property
    def id(self) -> str:
        """Its id on the page; the prefix avoids a clash with a form below the dialog."""
        return f"customer-{self.name}"

    @property
    def is_changed(self) -> bool:
        """Whether the text was edited; browsers send line breaks in their own way."""
        return self.text != with_line_feeds(self.was)

    @property
    def is_long(self) -> bool:
        """Whether the text needs more than a line."""
        return len(self.text) > LONG_TEXT or "\n" in with_line_feeds(self.text)


@dataclass(frozen=True, slots=True)
class CustomerForm:
    """Every input, and the account's other attributes, which can be added."""

    name: CustomerField
    opted_out: CustomerField
    tags: CustomerField
    attributes: list[CustomerField]
    addable: list[tuple[str, str]]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by the id of the input; errors of no input are under an empty id."""
        inputs = (self.name, self.opted_out, self.tags, *self.attributes)
        by_id = {each.id: f"{each.label}: {self.errors[each.name]}" for each in inputs if each.name in self.errors}
        others = [detail for name, detail in self.errors.items() if name not in {each.name for each in inputs}]
        return by_id | ({"": " ".join(others)} if others else {})

    @property
    def was(self) -> str:
        """The texts that the inputs were rendered with, as JSON in a hidden field."""
        every = (self.name, self.opted_out, self.tags, *self.attributes)
        return json_text.dumps({each.name: each.was for each in every}).decode()

    def changes(self, zone: ZoneInfo) -> dict[str, Any]:
        """Returns what was changed, as the body of a customer's change. Raises `Invalid` that points at each error."""
        attributes: dict[str, Any] = {}
        mistakes: list[FieldError] = []
        for each in self.attributes:
            if each.is_changed:
                value = _value_of(each, zone)
                if isinstance(value, BadValue):
                    mistakes.append(
                        FieldError(f"/attributes/{each.name[len(ATTRIBUTE_PREFIX) :]}", value.code, value.detail)
                    )
                attributes[each.name[len(ATTRIBUTE_PREFIX) :]] = value
        if mistakes:
            raise Invalid(mistakes[0].code, mistakes[0].detail, mistakes)
        changed: dict[str, Any] = {"attributes": attributes} if attributes else {}
        if self.name.is_changed:
            changed["name"] = self.name.text
        if self.tags.is_changed:
            changed["tags"] = self.tags.text.split("\n")
        if self.opted_out.is_changed:
            changed["opted_out"] = bool(self.opted_out.text)
        return changed

    def with_errors(self, errors: Sequence[FieldError]) -> CustomerForm:
        """Returns the same form with what is wrong beside each input."""
        details = {
            each.pointer.removeprefix("/").replace("attributes/", ATTRIBUTE_PREFIX): each.detail for each in errors
        }
        return replace(self, errors={name: detail[:1].upper() + detail[1:] for name, detail in details.items()})


def form_from_values(values: Mapping[str, Any], words: Words) -> CustomerForm:
    """Returns the form that shows a customer's values."""
    texts = {
        ATTRIBUTE_PREFIX + key: _text_of(values[key], words.types[key], words.zone)
        for key in words.labels
        if key in values and key not in words.computed
    }
    texts |= {
        "name": values.get("name") or "",
        "opted_out": "yes" if values.get("opted_out") is True else "",
        "tags": "\n".join(values.get("tags", ())),
    }
    return _form(texts, texts, words)


def form_from_fields(posted: FormFields, words: Words) -> CustomerForm:
    """Returns the form as it was sent. Raises `Invalid` where it lacks the texts it was rendered with."""
    was = json_text.parse(posted.text("was").encode("utf-8", "replace"))
    if not isinstance(was, dict) or not all(isinstance(text, str) for text in was.values()):
        raise Invalid("invalid_form", "this form is not valid; open it again")
    added = ATTRIBUTE_PREFIX + posted.text("add")
    if posted.text("action") == "add" and added not in was:
        was[added] = ""
    return _form({name: posted.text(name) for name in was}, was, words)


def _form(texts: Mapping[str, str], was: Mapping[str, str], words: Words) -> CustomerForm:
    def the(name: str, label: str, kind: AttributeType) -> CustomerField:
        return CustomerField(name, label, kind, texts.get(name, ""), was.get(name, ""))

    own = (key for key in words.labels if key not in words.computed)
    labelled = sorted(((words.label(key), key) for key in own), key=lambda each: each[0].casefold())
    return CustomerForm(
        the("name", said("Name"), "text"),
        the("opted_out", said("Opted out"), "boolean"),
        the("tags", said("Tags"), "list"),
        [
            the(ATTRIBUTE_PREFIX + key, label, words.types[key])
            for label, key in labelled
            if ATTRIBUTE_PREFIX + key in was
        ],
        [(key, label) for label, key in labelled if ATTRIBUTE_PREFIX + key not in was],
    )


def _text_of(value: Any, kind: AttributeType, zone: ZoneInfo) -> str:
    """Returns a value in normal form as the text of its input."""
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
    # At both ends of the calendar there may be no local time: then UTC.
    with suppress(OverflowError):
        instant = instant.astimezone(zone)
    return instant.replace(tzinfo=None, microsecond=0).isoformat()


def _value_of(each: CustomerField, zone: ZoneInfo) -> Any:
    """Returns the JSON value that the text of an input means, or what is wrong with it."""
    text = each.text.strip()
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
