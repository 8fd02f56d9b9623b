"""The files of an import: the upload that starts one, the sample to begin with, the rows that were invalid.

Used by the endpoints of `/v1` and by the console. `api.csv_import.runner` works on what is stored here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import StringIO
from uuid import UUID

from fastapi import Response

from api.csv_import.columns import ATTRIBUTE, NAME, PHONE, checked_columns, columns_by_choice
from api.csv_import.formulas import escape_formula
from api.csv_import.reader import ERROR_COLUMNS
from api.http.dependencies import Services
from api.http.lists.streams import PacedResponse, counted, in_threads
from api.http.responses import attachment
from api.http.upload import Uploaded
from domain.errors import Refused
from domain.segment import MAX_NAME
from domain.texts.language import said
from projections.records import imports
from projections.records.imports import ImportRow, NewImport

SAMPLE = "phone,name\r\n+351912345678,Ana Sá\r\n+351961234567,Rui Costa\r\n"
PIECE = 1 << 16


def receive(services: Services, account_id: UUID, sent: NewImport, upload: Uploaded) -> None:
    """Store an uploaded file, which runs or is checked from now on where it says so. Does nothing a second time."""
    if sent.state == "running":
        declare_new(services, account_id, sent.chosen or ())
    imports.begin(services.database, account_id, sent, upload.file, services.rollcall.now())
    services.import_waiting.set()


def start(services: Services, account_id: UUID, row: ImportRow) -> None:
    """Import a file that was checked. Raises `Refused` where it was not, or runs already."""
    declare_new(services, account_id, row.chosen or (), row.columns() if row.has_header else ())
    if not imports.start(services.database, account_id, row.import_id):
        raise Refused(
            "import_not_checked",
            said("the import is %(state)s; only one that is checked can be started", state=row.state),
        )
    services.import_waiting.set()


def check(services: Services, account_id: UUID, row: ImportRow, chosen: Sequence[str], *, has_header: bool) -> None:
    """Find out what a file does with its columns as chosen. Raises `Invalid`, `Refused` where it runs already."""
    checked = checked_columns(chosen, services.rollcall.attributes.all(account_id))
    if not imports.check(services.database, account_id, row.import_id, checked, has_header=has_header):
        raise Refused(
            "import_started", said("the import is %(state)s; its columns can no longer be chosen", state=row.state)
        )
    services.import_waiting.set()


def declare_new(services: Services, account_id: UUID, chosen: Sequence[str], header: Sequence[str] = ()) -> None:
    """Declare the attributes that columns become and that there are not yet, called as in the header of the file."""
    known = services.rollcall.attributes.all(account_id)
    for place, key, kind in columns_by_choice(chosen).attributes:
        if key not in known:
            label = header[place].strip()[:MAX_NAME] if place < len(header) else None
            services.rollcall.attributes.declare(account_id, key, kind, label or None)


def error_file(
    services: Services, account_id: UUID, row: ImportRow, position: int, *, console: bool = False
) -> Response:
    """Returns the invalid rows as a CSV file: the file's own columns, then what is wrong.

    Where the file was itself such an error file, its earlier `row_number,error_code,error_message` are dropped.
    Raises `RequestError` (429) where the account reads as many streams as it may.
    """
    with ExitStack() as opened:
        opened.enter_context(counted(services, account_id, console=console))
        body = (piece.encode() for piece in _lines(services, account_id, row))
        opened.callback(body.close)
        headers = attachment("errors.csv", position)
        return PacedResponse(services, in_threads(services, body), opened.pop_all(), headers, "text/csv")


def _lines(services: Services, account_id: UUID, row: ImportRow) -> Iterator[str]:
    header = _columns_of_errors(row)
    own = [index for index, cell in enumerate(header) if cell.strip().lower() not in ERROR_COLUMNS]
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*(escape_formula(header[index]) for index in own), *ERROR_COLUMNS])
    for error in imports.errors(services.database, account_id, row.import_id):
        cells = [escape_formula(error.cells[index]) if index < len(error.cells) else "" for index in own]
        writer.writerow([*cells, error.row_number, error.code, error.message])
        if buffer.tell() > PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _columns_of_errors(row: ImportRow) -> list[str]:
    """Returns the columns of a file; where it had no header, called by what they hold, as an import knows them."""
    header = row.columns() or [PHONE, NAME]
    if row.has_header:
        return header
    held = [each.removeprefix(ATTRIBUTE).partition(":")[0] for each in row.chosen or ()]
    return [next((each for each in held[place : place + 1] if each), title) for place, title in enumerate(header)]
