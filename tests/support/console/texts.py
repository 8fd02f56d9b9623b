"""The catalogues of the console's languages, brought up to date with the texts in the code.

Run as `python -m tests.support.console.texts` (`make texts`) after texts were added or changed: each `languages/*.po`
then has every text, the new ones without a translation, and none that the code does not have any more. A test fails
until all of them are translated.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from api.console.filters.vocabulary import operators_in_words, period_words
from api.console.web.language import FOLDER
from domain.calendar import PERIODS
from domain.customer import BUILT_IN
from domain.filters.behaviour.wording import TIMES
from domain.filters.operators import OPERATORS
from domain.filters.wording import NO_FILTERS, SEGMENT_PHRASES, UNITS, built_in_label

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "api/console"
KEYWORDS = {"_": None, "gettext": None, "say": None, "ngettext": (1, 2), "said": None, "counted": (1, 2)}
# As `web.rendering` reads templates.
OPTIONS = {"trimmed": "false", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
Message = str | tuple[str, str]


def messages() -> dict[str, tuple[Message, str]]:
    """Every text that the console has to say in each language, by the English one, with the first file that has it."""
    found: dict[str, tuple[Message, str]] = {}
    for message, place in _found():
        key = message if isinstance(message, str) else message[0]
        known = found.get(key, (message, place))
        found[key] = (message if isinstance(known[0], str) else known[0], known[1])
    return found


def _found() -> Iterator[tuple[Message, str]]:
    for path in sorted((CONSOLE / "templates").rglob("*.html")):
        for message in _extracted("jinja2.ext:babel_extract", path):
            yield message, path.relative_to(ROOT).as_posix()
    for folder in (
        CONSOLE,
        ROOT / "api/csv_import",
        ROOT / "api/jobs",
        ROOT / "api/http",
        ROOT / "domain",
        ROOT / "projections",
    ):
        for path in sorted(folder.rglob("*.py")):
            for message in _extracted("python", path):
                yield message, path.relative_to(ROOT).as_posix()
    for message in _of_filters():
        yield message, "domain/filters"


def _extracted(method: str, path: Path) -> Iterator[Message]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, KEYWORDS, options=OPTIONS):
            yield (message[0], message[1]) if isinstance(message, tuple) else message


def _of_filters() -> Iterator[Message]:
    """What the tables of filters say."""
    for operators in OPERATORS.values():
        yield from (operator.phrase for operator in operators.values())
    yield NO_FILTERS
    yield from SEGMENT_PHRASES.values()
    yield from UNITS.values()
    yield from TIMES.values()
    yield from (period.replace("_", " ") for period in PERIODS)
    # What vocabularies make of them, and of the names of built-in attributes.
    yield from (period_words(period) for period in PERIODS)
    yield from (text for kind in OPERATORS for _, text in operators_in_words(kind))
    yield from (built_in_label(key) for key in BUILT_IN)


def read(path: Path) -> Catalog:
    """The catalogue in a file."""
    with path.open("rb") as file:
        return read_po(file)


def brought_up_to_date(path: Path) -> bytes:
    """The file of a catalogue as it has to be: the texts of the code, with the translations that it has."""
    catalogue, template = read(path), Catalog()
    for message, place in sorted(messages().values(), key=lambda each: (each[1], str(each[0]))):
        template.add(message, locations=[(place, 0)])
    catalogue.update(template, no_fuzzy_matching=True)
    written = BytesIO()
    write_po(written, catalogue, width=120, include_lineno=False, ignore_obsolete=True)
    return _without_dates(written.getvalue())


def _without_dates(text: bytes) -> bytes:
    """A header without instants and versions, so that a file only changes when a text does."""
    changing = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Project-Id', b'"Report-Msgid',
                b'"Last-Translator', b'"Language-Team')  # fmt: skip
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(changing))


def untranslated(catalogue: Catalog) -> list[str]:
    """The messages without a translation, or with that of another text."""
    return [str(each.id) for each in catalogue if each.id and (each.fuzzy or not all(_texts(each.string)))]


def _texts(said: object) -> list[object]:
    return list(said) if isinstance(said, tuple | list) else [said]


if __name__ == "__main__":
    for each in sorted(FOLDER.glob("*.po")):
        each.write_bytes(brought_up_to_date(each))
        print(f"{each.name}: {len(untranslated(read(each)))} texts to translate")
