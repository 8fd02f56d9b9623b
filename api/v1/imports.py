"""CSV imports into static segments: the upload, its progress, the rows that could not be taken in.

The file is stored first and taken in by `api.csv_import.runner`; a row that is wrong never stops the others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from api.csv_import.formulas import harmless
from api.csv_import.reader import OURS
from api.http.access import Admin, Reader
from api.http.context import Context, Here
from api.http.idempotency import once
from api.http.parameters import IdempotencyKey, PathId, uuid_in
from api.http.read_your_writes import POSITION_HEADER, MinPosition, snapshot
from api.http.responses import answer
from api.http.upload import TAKES_CSV, CsvFile, Uploaded
from api.v1.segments import known
from api.v1.shapes.openapi import answers
from api.v1.shapes.requests_and_responses import Import
from domain.errors import NotFound
from projections.records import imports
from projections.records.imports import ImportRow

router = APIRouter(prefix="/v1", tags=["imports"])
SAMPLE = "phone,name\r\n+351912345678,Ana Sá\r\n+351961234567,Rui Costa\r\n"
EXAMPLE: dict[str, Any] = {
    "id": "6f1c2d3e-4b5a-4c6d-8e7f-901234567890",
    "segment_id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
    "file_name": "customers.csv",
    "state": "running",
    "percent": 40,
    "lines": 3_000,
    "added": 1_200,
    "already_members": 300,
    "created_customers": 1_480,
    "duplicates_in_file": 12,
    "blank": 1,
    "invalid": 7,
    "failure": None,
    "position": 8_812,
    "started_at": "2026-05-20T10:00:00Z",
    "finished_at": None,
}
_ERRORS_EXAMPLE = (
    "phone,name,row_number,error_code,error_message\r\n3.51912E+11,Ana Sá,2,phone_in_scientific_notation,format it\r\n"
)


def _csv_answers(description: str, example: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    described = answers({200: (description, None)}, *problems)
    described[200]["content"] = {"text/csv": {"schema": {"type": "string"}, "example": example}}
    return described


@router.get(
    "/segments/import-sample.csv",
    operation_id="import_sample",
    response_class=Response,
    responses=_csv_answers("A header and two rows.", SAMPLE, 504),
)
def import_sample(here: Here, caller: Reader, min_position: MinPosition = None) -> Response:
    """Download a CSV as imports take it."""
    with snapshot(here, caller.account_id, min_position) as (_, position):
        pass
    return Response(SAMPLE, headers=as_file("import-sample.csv", position), media_type="text/csv")


@router.post(
    "/segments/{segment_id}/imports",
    operation_id="import_members",
    status_code=202,
    response_model=Import,
    responses=answers(
        {202: ("The import, which runs from here on.", EXAMPLE)}, 400, 404, 409, 413, 415,
        headers=("Rollcall-Position", "Location"),
    ),
    openapi_extra=TAKES_CSV,
)  # fmt: skip
def import_members(
    here: Here, caller: Admin, segment_id: PathId, upload: CsvFile, idempotency_key: IdempotencyKey = None
) -> Response:
    """Import a CSV (at most 10 MiB) with a phone column, and maybe a name column, into a static segment.

    Comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252. Numbers that no customer has become customers;
    a name fills only an empty one.
    """
    static = here.rollcall.segments.require_static(caller.account_id, known(segment_id))

    def work(identity: UUID | None) -> Response:
        import_id = identity or uuid4()
        begin(here, caller.account_id, static.segment_id, import_id, upload)
        row = find_import(here, caller.account_id, str(import_id))
        return answer(show_import(row), row.position, status=202, location=f"/v1/imports/{import_id}")

    return once(here, caller, idempotency_key, (f"POST /v1/segments/{static.segment_id}/imports", upload.sha256), work)


@router.get(
    "/imports/{import_id}",
    operation_id="get_import",
    response_model=Import,
    responses=answers({200: ("The import as it stands.", EXAMPLE)}, 404, 504),
)
def get_import(here: Here, caller: Reader, import_id: PathId, min_position: MinPosition = None) -> Response:
    """Read how far an import has come, and what became of its lines."""
    with snapshot(here, caller.account_id, min_position) as (_, position):
        pass
    return answer(show_import(find_import(here, caller.account_id, import_id)), position)


@router.get(
    "/imports/{import_id}/errors.csv",
    operation_id="import_errors",
    response_class=Response,
    responses=_csv_answers("The invalid rows so far, in UTF-8.", _ERRORS_EXAMPLE, 404, 504),
)
def import_errors(here: Here, caller: Reader, import_id: PathId, min_position: MinPosition = None) -> Response:
    """Download the invalid rows with what is wrong with each; once mended, the file can be uploaded again.

    `row_number` counts as a spreadsheet does: the header is row 1. A cell that a spreadsheet would run as a formula
    has an apostrophe before it, which is no part of it when it is uploaded.
    """
    with snapshot(here, caller.account_id, min_position) as (_, position):
        pass
    row = find_import(here, caller.account_id, import_id)
    lines = error_lines(here, caller.account_id, row)
    return StreamingResponse(lines, headers=as_file("errors.csv", position), media_type="text/csv")


def show_import(row: ImportRow) -> dict[str, Any]:
    """An import as CONTRACT shows it."""
    shown = row._asdict()
    shown = {"id": shown.pop("import_id")} | {key: shown[key] for key in EXAMPLE if key in shown}
    failure = None if row.failure_code is None else {"code": row.failure_code, "detail": row.failure}
    return shown | {"failure": failure}


def begin(here: Context, account_id: UUID, segment_id: UUID, import_id: UUID, upload: Uploaded) -> None:
    """Keep an uploaded file and wake whoever takes it in."""
    now = here.rollcall.now()
    imports.begin(here.database, account_id, import_id, segment_id, upload.name, upload.file, now)
    here.import_waiting.set()


def find_import(here: Context, account_id: UUID, written: str) -> ImportRow:
    """The import that a text in an address names. Raises `NotFound`."""
    import_id = uuid_in(written)
    if import_id is not None:
        with here.database.transaction(account_id) as connection:
            row = imports.by_id(connection, account_id, import_id)
        if row is not None:
            return row
    raise NotFound("import_not_found", "no such import in this account")


def error_lines(here: Context, account_id: UUID, row: ImportRow) -> Iterator[str]:
    """The invalid rows as CSV: the file's own columns, without ours where it was an error file itself, then ours."""
    header = row.columns() or ["phone", "name"]
    own = [index for index, cell in enumerate(header) if cell.strip().lower() not in OURS]
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow([*(harmless(header[index]) for index in own), *OURS])
    for error in imports.errors(here.database, account_id, row.import_id):
        cells = [harmless(error.cells[index]) if index < len(error.cells) else "" for index in own]
        writer.writerow([*cells, error.row_number, error.code, error.message])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_file(name: str, position: int) -> dict[str, str]:
    """The headers of a download called `name`."""
    return {POSITION_HEADER: str(position), "Content-Disposition": f'attachment; filename="{name}"'}
