"""Which column of a file holds what, chosen by a person: the first rows with a choice above each, and what was chosen.

A form's field `column-<n>` is `phone`, `name`, `attributes.<key>`, `new` (with `title-<n>` and `type-<n>`) or empty;
`header` says whether the first row is a customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from tempfile import TemporaryFile
from typing import NamedTuple
from uuid import UUID

from api.console.web.form_body import FormFields
from api.csv_import.columns import ATTRIBUTE, NAME, PHONE, columns_by_header, infer_type, key_from
from api.csv_import.reader import read_table
from api.http.dependencies import Services
from domain.account import Attribute
from domain.customer import RESERVED
from domain.import_lines import parse_phone_cell
from domain.values import AttributeType, BadValue
from projections.records import imports
from projections.records.imports import ImportRow

SAMPLE_ROWS, TYPED_ROWS = 3, 200
NEW, NO_HEADER = "new", "customer"


class Column(NamedTuple):
    """A column of a file: its title, its first cells, what it holds as far as is known, and what it would be as new."""

    title: str
    cells: list[str]
    choice: str
    new_title: str
    new_type: AttributeType


def columns_of(
    services: Services, account_id: UUID, row: ImportRow, attributes: Mapping[str, Attribute]
) -> list[Column]:
    """Returns the columns of a stored file. What the header names is chosen already; without one, what looks so.

    Raises `Unreadable`.
    """
    with TemporaryFile() as file:
        with services.database.transaction(account_id) as connection:
            imports.copy_file(connection, account_id, row.import_id, file)
        # With no column chosen, a header in any language can be read.
        with read_table(file, (), has_header=row.has_header) as table:
            rows = [each for each in islice(table.rows, TYPED_ROWS) if not each.blank]
            header = table.header
    country = services.rollcall.accounts.require(account_id).country
    known = columns_by_header(header)
    by_label = {(each.label or key).casefold(): key for key, each in attributes.items() if key not in RESERVED}
    columns: list[Column] = []
    for place, title in enumerate(header):
        cells = [each.cells[place] if place < len(each.cells) else "" for each in rows]
        choice = PHONE if place in known.phones else NAME if place in known.names else ""
        if row.chosen is not None:
            choice = row.chosen[place].partition(":")[0] if place < len(row.chosen) else ""
        elif not row.has_header:
            is_first = all(each.choice != PHONE for each in columns)
            choice = PHONE if is_first and _are_numbers(cells, country) else ""
        elif not choice and (key := by_label.get(title.strip().casefold())):
            choice = f"{ATTRIBUTE}{key}"
        called = title.strip() if row.has_header else ""
        columns.append(
            Column(called, [each[:60] for each in cells[:SAMPLE_ROWS]], choice, called, infer_type(cells, country))
        )
    return columns


def _are_numbers(cells: Sequence[str], country: str) -> bool:
    """Returns whether most cells are phone numbers."""
    given = [each for each in cells if each.strip()]
    numbers = [each for each in given if not isinstance(parse_phone_cell(each, country), BadValue)]
    return len(numbers) * 2 > len(given)


def chosen_in(form: FormFields, attributes: Mapping[str, Attribute]) -> list[str]:
    """Returns what a form says of each column, as `api.csv_import.columns` reads it."""
    chosen: list[str] = []
    taken = list(attributes)
    while f"column-{len(chosen)}" in form:
        place = len(chosen)
        choice = form.text(f"column-{place}")
        if choice == NEW:
            key = key_from(form.text(f"title-{place}") or f"column {place + 1}", taken)
            taken.append(key)
            choice = f"attributes.{key}:{form.text(f'type-{place}') or 'text'}"
        chosen.append(choice)
    return chosen
