"""CSV imports into static segments: the upload, its progress, the rows that were invalid.

The file is stored first and imported by `api.csv_import.runner`; an invalid row never stops the others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response

from api.csv_import.columns import POINTER, checked_columns
from api.csv_import.files import SAMPLE, error_file, receive, start
from api.csv_import.headers import ignored_columns
from api.http.access import Admin, Reader
from api.http.dependencies import ServicesDep
from api.http.idempotency import answer_once
from api.http.lookup import parse_segment_id, require_import
from api.http.paging import Page
from api.http.parameters import TEXT_PATTERN, IdempotencyKey, PathId
from api.http.read_your_writes import WaitingAnswer, current_position
from api.http.responses import answer, attachment
from api.http.route import AccountRoute
from api.http.shapes.imports import EXAMPLE, Import, show_import
from api.http.shapes.openapi import answers
from api.http.shapes.pages import PageOf
from api.http.upload import TAKES_CSV, CsvFile
from domain.errors import Invalid
from projections.records import imports
from projections.records.imports import ImportRow, ImportState, NewImport

router = APIRouter(prefix="/v1", tags=["imports"], route_class=AccountRoute)
ColumnsText = Annotated[
    str | None,
    Query(
        max_length=20_000,
        pattern=TEXT_PATTERN,
        description="What each column holds, from the left: `phone,name,attributes.age:number,`. Empty: not"
        " imported. A new attribute needs a type. Left out: phone and name, by the words of the header.",
        examples=["phone,name,attributes.city"],
    ),
]
Header = Annotated[
    bool,
    Query(description="Whether the first row names the columns; else it is a customer, and `columns` is needed."),
]
DryRun = Annotated[bool, Query(description="Only find out what the import would do.")]
SegmentId = Annotated[
    str | None, Query(max_length=64, json_schema_extra={"format": "uuid"}, description="Only those into this segment.")
]
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
def import_sample(services: ServicesDep, caller: Reader) -> Response:
    """Download a sample of the CSV that imports accept."""
    position = current_position(services, caller.account_id)
    return Response(SAMPLE, headers=attachment("import-sample.csv", position), media_type="text/csv")


@router.post(
    "/segments/{segment_id}/imports",
    operation_id="import_members",
    status_code=202,
    response_model=Import,
    responses=answers(
        {202: ("The import, which runs from now on.", EXAMPLE)},
        400,
        404,
        409,
        413,
        415,
        headers=("Rollcall-Position", "Location"),
    ),
    openapi_extra=TAKES_CSV,
)
def import_members(
    services: ServicesDep,
    caller: Admin,
    segment_id: PathId,
    upload: CsvFile,
    columns: ColumnsText = None,
    header: Header = True,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
) -> WaitingAnswer:
    """Import a CSV (at most 10 MiB) with a phone column, and maybe a name column, into a static segment.

    Comma, semicolon, tab or pipe; UTF-8, UTF-16 or Windows-1252. A number that no customer has creates a customer;
    a name fills only an empty one. Other columns are not imported, unless `columns` says what they hold; the answer
    names them. With `header=false` the first row is a customer, and `columns` has to be given. A `dry_run` finds out
    exactly what would be done: it ends `checked`, and `start` then imports the file.
    """
    static = services.rollcall.segments.require_static(caller.account_id, parse_segment_id(segment_id))
    chosen = None
    if columns is not None:
        chosen = checked_columns(columns.split(","), services.rollcall.attributes.all(caller.account_id))
    elif not header:
        raise Invalid.at(POINTER, "columns_required", "say what each column holds: there is no header that does")

    def work(identity: UUID | None) -> Response:
        import_id = identity or uuid4()
        state: ImportState = "checking" if dry_run else "running"
        sent = NewImport(import_id, static.segment_id, upload.name, caller.by, state, chosen, header)
        receive(services, caller.account_id, sent, upload)
        row = require_import(services, caller.account_id, str(import_id))
        return answer(_shown(row), row.position, status=202, location=f"/v1/imports/{import_id}")

    said = f"{columns}{dry_run}{'' if header else ' without header'}"
    asked = (f"POST /v1/segments/{static.segment_id}/imports", upload.sha256 + said.encode())
    return (yield from answer_once(services, caller, idempotency_key, asked, work))


@router.get(
    "/imports",
    operation_id="list_imports",
    response_model=PageOf[Import],
    responses=answers({200: ("Imports, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 404, 504),
)
def list_imports(services: ServicesDep, caller: Reader, page: Page, segment_id: SegmentId = None) -> Response:
    """List the imports of the last 30 days, newest first; files that were not started are kept for a day."""
    account_id = caller.account_id
    segment = None if segment_id is None else parse_segment_id(segment_id)
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
    position = current_position(services, account_id)
    with services.database.transaction(account_id) as connection:
        found = imports.page(connection, account_id, segment_id=segment, before=before, limit=page.fetch)
        body = page.page(
            found,
            _shown,
            lambda row: (row.started_at, row.import_id),
            lambda: imports.count(connection, account_id, segment),
        )
    return answer(body, position)


@router.post(
    "/imports/{import_id}/start",
    operation_id="start_import",
    status_code=202,
    response_model=Import,
    responses=answers({202: ("The import, which runs from now on.", EXAMPLE)}, 404, 409),
)
def start_import(services: ServicesDep, caller: Admin, import_id: PathId) -> Response:
    """Import a file whose dry run has ended: it is read again, and what it then does is counted anew."""
    row = require_import(services, caller.account_id, import_id)
    start(services, caller.account_id, row)
    row = require_import(services, caller.account_id, import_id)
    return answer(_shown(row), row.position, status=202)


@router.get(
    "/imports/{import_id}",
    operation_id="get_import",
    response_model=Import,
    responses=answers({200: ("The import.", EXAMPLE)}, 404, 504),
)
def get_import(services: ServicesDep, caller: Reader, import_id: PathId) -> Response:
    """Read how far an import has come, and the result of its lines."""
    position = current_position(services, caller.account_id)
    return answer(_shown(require_import(services, caller.account_id, import_id)), position)


@router.get(
    "/imports/{import_id}/errors.csv",
    operation_id="import_errors",
    response_class=Response,
    responses=_csv_answers("The invalid rows so far, in UTF-8.", _ERRORS_EXAMPLE, 404, 504),
)
def import_errors(
    services: ServicesDep,
    caller: Reader,
    import_id: PathId,
) -> Response:
    """Download the invalid rows with what is wrong with each; once corrected, the file can be uploaded again.

    `row_number` counts as a spreadsheet does: the header is row 1. The columns of a file without a header are called by
    what they hold. A cell that a spreadsheet would run as a formula
    has an apostrophe before it, which is no part of it when it is uploaded.
    """
    position = current_position(services, caller.account_id)
    row = require_import(services, caller.account_id, import_id)
    return error_file(services, caller.account_id, row, position)


def _shown(row: ImportRow) -> Import:
    return show_import(row, ignored_columns(row.columns(), row.chosen))
