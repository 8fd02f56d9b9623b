"""CSV imports into static segments: the upload, its progress, the rows that were invalid.

The file is stored first and imported by `api.csv_import.runner`; an invalid row never stops the others.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response

from api.csv_import.files import SAMPLE, error_file, start_import
from api.csv_import.headers import ignored_columns
from api.http.access import Admin, Reader
from api.http.dependencies import ServicesDep
from api.http.idempotency import answer_once
from api.http.lookup import parse_segment_id, require_import
from api.http.parameters import IdempotencyKey, PathId
from api.http.read_your_writes import WaitingAnswer, current_position
from api.http.responses import answer, attachment
from api.http.route import AccountRoute
from api.http.shapes.imports import EXAMPLE, Import, show_import
from api.http.shapes.openapi import answers
from api.http.upload import TAKES_CSV, CsvFile
from projections.records.imports import ImportRow

router = APIRouter(prefix="/v1", tags=["imports"], route_class=AccountRoute)
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
    services: ServicesDep, caller: Admin, segment_id: PathId, upload: CsvFile, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Import a CSV (at most 10 MiB) with a phone column, and maybe a name column, into a static segment.

    Comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252. A number that no customer has creates a customer;
    a name fills only an empty one. Other columns are not imported: the answer names them.
    """
    static = services.rollcall.segments.require_static(caller.account_id, parse_segment_id(segment_id))

    def work(identity: UUID | None) -> Response:
        import_id = identity or uuid4()
        start_import(services, caller.account_id, static.segment_id, import_id, upload)
        row = require_import(services, caller.account_id, str(import_id))
        return answer(_shown(row), row.position, status=202, location=f"/v1/imports/{import_id}")

    asked = (f"POST /v1/segments/{static.segment_id}/imports", upload.sha256)
    return (yield from answer_once(services, caller, idempotency_key, asked, work))


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

    `row_number` counts as a spreadsheet does: the header is row 1. A cell that a spreadsheet would run as a formula
    has an apostrophe before it, which is no part of it when it is uploaded.
    """
    position = current_position(services, caller.account_id)
    row = require_import(services, caller.account_id, import_id)
    return error_file(services, caller.account_id, row, position)


def _shown(row: ImportRow) -> Import:
    return show_import(row, ignored_columns(row.columns()))
