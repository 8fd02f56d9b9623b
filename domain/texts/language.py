"""Texts for people, and the languages in which they are read.

The text in the code is the English one and the key of its translation (gettext); values are named, so that a
translation may put them where its language wants them. A text of the domain that the console shows in other languages
is made by `said` or `counted`: it is an English text like any other, and remembers its message and its values.
`Language` is English; `api.console.web.language` has the others.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any


class Said(str):
    """A text in English that can be said in other languages; one of a `number` of things has a plural."""

    __slots__ = ("message", "number", "plural", "values")

    message: str
    values: dict[str, Any]
    plural: str
    number: int


def said(message: str, /, **values: Any) -> Said:
    """Returns the message with its values, as `%(name)s`; a percent sign is written twice."""
    text = Said(ENGLISH.gettext(message, **values))
    text.message, text.plural, text.values = message, "", values
    return text


def counted(one: str, many: str, number: int, /, **values: Any) -> Said:
    """Returns the message for this number of things, which is `%(num)s` in it."""
    text = Said(ENGLISH.ngettext(one, many, number, **values))
    text.message, text.plural, text.number, text.values = one, many, number, values
    return text


class _Number(int):
    """A whole number, which `%s` writes as its language does."""

    written: str

    def __str__(self) -> str:
        return self.written


class Language:
    """How texts, numbers and times are written: in English, as long as no subclass says otherwise."""

    code = "en"
    name = "English"

    def gettext(self, message: str, /, **values: Any) -> str:
        """Returns the message in this language, with its values; a percent sign is written twice."""
        return self.translation(message) % self.written(values)

    def ngettext(self, one: str, many: str, number: int, /, **values: Any) -> str:
        """Returns the message for this number of things; `%(num)s` in it is the number."""
        return self.translation_for(one, many, number) % self.written({"num": number, **values})

    def written(self, values: dict[str, Any]) -> dict[str, Any]:
        """Returns the values of a message: whole numbers and texts as in this language."""
        return {name: self._value(value) for name, value in values.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, Said):
            return self.of(value)
        return self._number(value) if type(value) is int else value

    def _number(self, number: int) -> _Number:
        made = _Number(number)
        made.written = self.number(number)
        return made

    def of(self, text: str) -> str:
        """Returns a text in this language if it was made by `said` or `counted`, otherwise as it is."""
        if not isinstance(text, Said):
            return text
        if text.plural:
            return self.ngettext(text.message, text.plural, text.number, **text.values)
        return self.gettext(text.message, **text.values)

    def translation(self, message: str) -> str:
        """Returns what the catalogue has for a message."""
        return message

    def translation_for(self, one: str, many: str, number: int) -> str:
        """Returns what the catalogue has for a message about this number of things."""
        return one if number == 1 else many

    def number(self, number: int) -> str:
        """1204 -> 1,204."""
        return f"{number:,}"

    def decimal(self, value: Decimal) -> str:
        """Decimal("75.96") -> 75.96, with all its digits."""
        return format(value or 0, "f")

    def month(self, number: int) -> str:
        """5 -> May."""
        return f"{date(2000, number, 1):%B}"

    def day(self, value: date) -> str:
        """A day as people read it: May 20, 2026."""
        return f"{value:%B} {value.day}, {value:%Y}"

    def date(self, value: date) -> str:
        """A day where there is little room: Nov 3, 2026."""
        return f"{value:%b} {value.day}, {value:%Y}"

    def instant(self, local: datetime, *, seconds: bool = False) -> str:
        """An instant by the clock of its time zone: Nov 3, 2026, 14:02."""
        return (
            f"{self.date(local.date())}, {local:%H:%M:%S}" if seconds else f"{self.date(local.date())}, {local:%H:%M}"
        )


ENGLISH = Language()
