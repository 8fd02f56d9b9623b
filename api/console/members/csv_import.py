"""Import CSV: uploading a file into a static segment, the progress of an import, and the result for its lines.

The same import as in `/v1` (see `api.csv_import`), as pages. It continues when its dialog is closed; its address can
be shared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from api.console.members.changes import manage_path, require_static
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.csv_import.files import SAMPLE, error_file, start_import
from api.csv_import.headers import ignored_columns
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_import, require_segment
from api.http.parameters import PathId
from api.http.problems import RequestError
from api.http.read_your_writes import snapshot
from api.http.responses import attachment
from api.http.route import AccountRoute
from api.http.upload import Uploaded, csv_file
from domain.errors import Invalid, NotFound
from projections.records.imports import ImportRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)
# The results of lines as `ImportRow` counts them, in the order in which the page shows them.
LINE_RESULTS = (
    ("added", "Existing customers", "were customers already; now in the segment"),
    ("created_customers", "New customers", "no customer had the phone number; created, and now in the segment"),
    ("already_members", "Already members", "were in the segment before"),
    ("duplicates_in_file", "Duplicates", "the phone number appears earlier in the file"),
    ("blank", "Blank lines", "they contain nothing"),
    ("invalid", "Invalid lines", "skipped, each with its reason in the error file"),
)


async def upload_or_error(
    request: Request, services: ServicesDep, user: SignedIn
) -> AsyncIterator[Uploaded | Invalid | RequestError]:
    """Yields the uploaded file, or what is wrong with it, to be shown beside the form."""
    async with AsyncExitStack() as stack:
        try:
            upload: Uploaded | Invalid | RequestError = await stack.enter_async_context(_csv_file(request, services))
        except (Invalid, RequestError) as error:
            upload = error
        except HTTPException as error:
            upload = RequestError(error.status_code, "upload_refused", str(error.detail))
        yield upload


_csv_file = asynccontextmanager(csv_file)
UploadOrError = Annotated[Uploaded | Invalid | RequestError, Depends(upload_or_error)]


@router.get("/{segment_id}/import")
def choose(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId) -> Response:
    """Shows which file is expected, and the form for it."""
    return _form(request, services, user, segment_id)


@router.post("/{segment_id}/import")
def upload(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, uploaded: UploadOrError
) -> Response:
    """Starts to import a file, and goes to the page with its progress."""
    if isinstance(uploaded, RequestError):
        return _form(request, services, user, segment_id, _error_text(services, uploaded), uploaded.status)
    if isinstance(uploaded, Invalid) or not uploaded.name:
        return _form(request, services, user, segment_id, "Choose a CSV file first.", 422)
    segment = require_static(services, user.account_id, segment_id)
    import_id = uuid4()
    start_import(services, user.account_id, segment.segment_id, import_id, uploaded)
    to = f"/console/segments/{segment.segment_id}/imports/{import_id}"
    if "rollcall-upload" in request.headers:
        return Response(status_code=201, headers={"Location": to})
    return RedirectResponse(to, 303)


@router.get("/{segment_id}/imports/{import_id}")
def progress(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId
) -> Response:
    """Shows the progress of an import, and the result for its lines."""
    with snapshot(services, user.account_id) as (connection, position):
        segment = require_segment(connection, user.account_id, segment_id)
    row = _require_import_of(services, user, segment_id, import_id)
    visible = position >= row.position
    seen = f"{row.state}-{row.lines}-{row.percent}-{visible}"
    if is_unchanged(request, seen):
        return nothing_new()
    values = {
        "segment": segment,
        "row": row,
        "seen": seen,
        "visible": visible,
        "ignored": ignored_columns(row.columns()),
        "results": [(title, meaning, getattr(row, name)) for name, title, meaning in LINE_RESULTS],
        "manage": manage_path(segment),
    }
    return show(request, "import.html", values)


@router.get("/{segment_id}/imports/{import_id}/errors.csv")
def errors(services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId) -> Response:
    """Downloads the invalid lines with what is wrong with each, to be fixed and imported again."""
    row = _require_import_of(services, user, segment_id, import_id)
    return error_file(services, user.account_id, row, row.position, console=True)


@router.get("/{segment_id}/import-sample.csv")
def sample(user: SignedIn, segment_id: PathId) -> Response:
    """Downloads a CSV in the expected format."""
    return Response(SAMPLE, headers=attachment("import-sample.csv", 0), media_type="text/csv")


def _form(
    request: Request, services: Services, user: SignedInUser, segment_id: str, error: str = "", status: int = 200
) -> Response:
    segment = require_static(services, user.account_id, segment_id)
    values = {
        "segment": segment,
        "error": error,
        "manage": manage_path(segment),
        "max_bytes": services.max_import,
    }
    return show(request, "import_upload.html", values, status)


def _error_text(services: Services, error: RequestError) -> str:
    if error.status == 413:
        return f"The file is too large: at most {services.max_import >> 20} MB. Split it and import the parts."
    return f"The upload was interrupted: {error.detail}. Try again."


def _require_import_of(services: Services, user: SignedInUser, segment_id: str, import_id: str) -> ImportRow:
    row = require_import(services, user.account_id, import_id)
    if str(row.segment_id) != segment_id.lower():
        raise NotFound("import_not_found", "no such import in this segment")
    return row
