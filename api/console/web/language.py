"""The languages of the console. Every text that people read goes through one: `_("...")` in templates, in Python
`language_of(request).gettext("%(name)s was deleted", name=segment.name)`.

A language is a file, `languages/<locale>.po`; `make texts` brings the files up to date with the code. What it does not
say (numbers, dates, months) is in Babel's data. A person chooses one on the page You, or else reads the one that the
browser asks for.
"""

from __future__ import annotations

import gettext
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_decimal_symbol
from fastapi import Request

from api.http.parameters import QUALITY
from domain.texts.language import ENGLISH, Language

FOLDER = Path(__file__).parents[1] / "languages"
MINUTE, HOUR = 60, 3_600
DAYS_AGO = 7  # what is longer ago is said by its date


class Translated(Language):
    """The language of a catalogue."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locale = Locale.parse(path.stem)
        self.code = path.stem.replace("_", "-")
        name = str(self._locale.display_name)
        self.name = name[:1].upper() + name[1:]

    @cached_property
    def _catalogue(self) -> gettext.GNUTranslations:
        compiled = BytesIO()
        with self._path.open("rb") as file:
            write_mo(compiled, read_po(file))
        compiled.seek(0)
        return gettext.GNUTranslations(compiled)

    def translation(self, message: str) -> str:
        """Returns what the catalogue has for a message."""
        return self._catalogue.gettext(message) if message else message

    def translation_for(self, one: str, many: str, number: int) -> str:
        """Returns what the catalogue has for a message about this number of things."""
        return self._catalogue.ngettext(one, many, number)

    def number(self, number: int) -> str:
        """Returns a number with the separators of this language."""
        return str(format_decimal(number, locale=self._locale))

    def decimal(self, value: Decimal) -> str:
        """Returns a number with all its digits and the decimal sign of this language."""
        return super().decimal(value).replace(".", str(get_decimal_symbol(self._locale)))

    def month(self, number: int) -> str:
        """Returns the name of a month."""
        return str(self._locale.months["stand-alone"]["wide"][number])

    def day(self, value: date) -> str:
        """Returns a day in words."""
        return format_date(value, "long", locale=self._locale)

    def date(self, value: date) -> str:
        """Returns a day where there is little room."""
        return format_date(value, "medium", locale=self._locale)


@cache
def languages() -> dict[str, Language]:
    """Returns every language by its code, English first."""
    return {each.code: each for each in (ENGLISH, *map(Translated, sorted(FOLDER.glob("*.po"))))}


def language_of(request: Request) -> Language:
    """Returns the language in which the person reads the console: chosen by them, or asked for by the browser."""
    user = getattr(request.state, "user", None)
    chosen = languages().get(getattr(user, "language", None) or "")
    return chosen or asked_for_by(request)


def asked_for_by(request: Request) -> Language:
    """Returns the language that `Accept-Language` prefers among ours; English where there is none."""
    best, best_quality = ENGLISH, 0.0
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, *parameters = [each.strip() for each in part.split(";")]
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        found = _with_tag(tag)
        if found is not None and QUALITY.fullmatch(quality) and float(quality) > best_quality:
            best, best_quality = found, float(quality)
    return best


def _with_tag(tag: str) -> Language | None:
    """Returns the language of a tag; where its country is not ours, the same language of another country."""
    ours = languages().values()
    exact = next((each for each in ours if each.code.lower() == tag), None)
    return exact or next((each for each in ours if each.code.partition("-")[0] == tag.partition("-")[0]), None)


def ago(language: Language, instant: datetime, now: datetime) -> str:
    """Returns an instant as people say it: "3 minutes ago", "yesterday"; a date where it is more than a week away.

    Both are by the clock of one time zone. It changes once a minute at most.
    """
    seconds = (now - instant) // timedelta(seconds=1)
    days = (now.date() - instant.date()).days
    if abs(seconds) < MINUTE:
        return language.gettext("just now")
    if 0 < seconds < HOUR:
        return language.ngettext("%(num)s minute ago", "%(num)s minutes ago", seconds // MINUTE)
    if 0 < seconds < 24 * HOUR:
        return language.ngettext("%(num)s hour ago", "%(num)s hours ago", seconds // HOUR)
    if -HOUR < seconds < 0:
        return language.ngettext("in %(num)s minute", "in %(num)s minutes", -seconds // MINUTE)
    if -24 * HOUR < seconds < 0:
        return language.ngettext("in %(num)s hour", "in %(num)s hours", -seconds // HOUR)
    if days == 1:
        return language.gettext("yesterday")
    if 0 < days <= DAYS_AGO:
        return language.ngettext("%(num)s day ago", "%(num)s days ago", days)
    return language.date(instant.date())
