"""The files of an import: the upload that starts one, the sample to begin with, the rows that were invalid.

Used by the endpoints of `/v1` and by the console. `api.csv_import.runner` works on what is stored here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from uuid import UUID

from fastapi import Response

from api.csv_import.formulas import escape_formula
from api.csv_import.reader import ERROR_COLUMNS
from api.http.dependencies import Services
from api.http.lists.streams import PacedResponse, counted, in_threads
from api.http.responses import attachment
from api.http.upload import Uploaded
from projections.records import imports
from projections.records.imports import ImportRow

SAMPLE = "phone,name\r\n+351912345678,Ana Sá\r\n+351961234567,Rui Costa\r\n"
PIECE = 1 << 16


def start_import(services: Services, account_id: UUID, segment_id: UUID, import_id: UUID, upload: Uploaded) -> None:
    """Store an uploaded file and wake the runner; does nothing where the import exists already."""
    now = services.rollcall.now()
    imports.begin(services.database, account_id, import_id, segment_id, upload.name, upload.file, now)
    services.import_waiting.set()


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
    header = row.columns() or ["phone", "name"]
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
