"""Import CSV: a file from the browser into a static segment, how far it has come, and what became of its lines.

The same as `/v1` does with a file, as pages. An import runs on when its dialog is closed; its
address can be shared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException

from api.console.members.changes import find_static, manage_page
from api.console.web.rendering import show, still, unchanged
from api.console.web.session import Person, SignedIn
from api.csv_import.files import SAMPLE, error_lines, start_import
from api.http.context import Context, Here
from api.http.lookup import require_import, require_segment
from api.http.parameters import PathId
from api.http.problems import RequestError
from api.http.read_your_writes import snapshot
from api.http.responses import attachment
from api.http.upload import Uploaded, csv_file
from domain.errors import Invalid, NotFound
from projections.records.imports import ImportRow

router = APIRouter(prefix="/segments")
# What becomes of a line, in the order in which people ask.
CLASSES = (
    ("added", "Added", "customers you have already, now in the segment"),
    ("created_customers", "New customers", "nobody had the phone number; created, and now in the segment"),
    ("already_members", "Already members", "were in the segment before"),
    ("duplicates_in_file", "Duplicates", "the phone number stands further up in the file"),
    ("blank", "Blank lines", "nothing is written in them"),
    ("invalid", "Invalid lines", "left out, each with its reason in the error file"),
)


async def upload_or_mistake(
    request: Request, here: Here, person: SignedIn
) -> AsyncIterator[Uploaded | Invalid | RequestError]:
    """The uploaded file, or what is wrong with it, to be said beside the form."""
    async with AsyncExitStack() as stack:
        try:
            given: Uploaded | Invalid | RequestError = await stack.enter_async_context(_csv_file(request, here))
        except (Invalid, RequestError) as wrong:
            given = wrong
        except HTTPException as bounded:
            given = RequestError(bounded.status_code, "upload_refused", str(bounded.detail))
        yield given


_csv_file = asynccontextmanager(csv_file)
Given = Annotated[Uploaded | Invalid | RequestError, Depends(upload_or_mistake)]


@router.get("/{segment_id}/import")
def choose(request: Request, here: Here, person: SignedIn, segment_id: PathId) -> Response:
    """What file is expected, and where to put it."""
    return _form(request, here, person, segment_id)


@router.post("/{segment_id}/import")
def upload(request: Request, here: Here, person: SignedIn, segment_id: PathId, given: Given) -> Response:
    """Begin to import a file, and go to where its progress is shown."""
    if isinstance(given, RequestError):
        return _form(request, here, person, segment_id, _mistake(here, given), given.status)
    if isinstance(given, Invalid) or not given.name:
        return _form(request, here, person, segment_id, "Choose a CSV file first.", 422)
    segment = find_static(here, person.account_id, segment_id)
    import_id = uuid4()
    start_import(here, person.account_id, segment.segment_id, import_id, given)
    to = f"/console/segments/{segment.segment_id}/imports/{import_id}"
    if "rollcall-upload" in request.headers:
        return Response(status_code=201, headers={"Location": to})
    return RedirectResponse(to, 303)


@router.get("/{segment_id}/imports/{import_id}")
def progress(request: Request, here: Here, person: SignedIn, segment_id: PathId, import_id: PathId) -> Response:
    """How far an import has come, and what became of its lines."""
    with snapshot(here, person.account_id) as (connection, position):
        segment = require_segment(connection, person.account_id, segment_id)
    row = _of(here, person, segment_id, import_id)
    visible = position >= row.position
    seen = f"{row.state}-{row.lines}-{row.percent}-{visible}"
    if unchanged(request, seen):
        return still()
    values = {
        "person": person, "active": "segments", "segment": segment, "row": row, "seen": seen, "visible": visible,
        "classes": [(title, meaning, getattr(row, name)) for name, title, meaning in CLASSES],
        "manage": manage_page(segment),
    }  # fmt: skip
    return show(request, "import.html", values)


@router.get("/{segment_id}/imports/{import_id}/errors.csv")
def errors(here: Here, person: SignedIn, segment_id: PathId, import_id: PathId) -> Response:
    """The invalid lines with what is wrong with each, to be mended and imported again."""
    row = _of(here, person, segment_id, import_id)
    lines = error_lines(here, person.account_id, row)
    return StreamingResponse(lines, headers=attachment("errors.csv", row.position), media_type="text/csv")


@router.get("/{segment_id}/import-sample.csv")
def sample(person: SignedIn, segment_id: PathId) -> Response:
    """A CSV as imports take it."""
    return Response(SAMPLE, headers=attachment("import-sample.csv", 0), media_type="text/csv")


def _form(
    request: Request, here: Context, person: Person, segment_id: str, mistake: str = "", status: int = 200
) -> Response:
    segment = find_static(here, person.account_id, segment_id)
    values = {
        "person": person, "active": "segments", "segment": segment, "mistake": mistake, "manage": manage_page(segment),
        "most": here.max_import,
    }  # fmt: skip
    return show(request, "import_upload.html", values, status)


def _mistake(here: Context, wrong: RequestError) -> str:
    if wrong.status == 413:
        return f"The file is too large: at most {here.max_import >> 20} MB. Split it, and import the parts."
    return f"The upload did not arrive whole: {wrong.detail}. Try again."


def _of(here: Context, person: Person, segment_id: str, import_id: str) -> ImportRow:
    row = require_import(here, person.account_id, import_id)
    if str(row.segment_id) != segment_id.lower():
        raise NotFound("import_not_found", "no such import in this segment")
    return row
