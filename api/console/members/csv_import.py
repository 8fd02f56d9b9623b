"""Import CSV: uploading a file into a static segment, what it would do, its progress, and the result for its lines.

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
from api.console.members.import_columns import NO_HEADER, chosen_in, columns_of
from api.console.members.past_imports import show_past_imports
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, redirect, show
from api.console.web.session import SignedIn, SignedInUser
from api.csv_import.columns import columns_by_header
from api.csv_import.files import SAMPLE, check, error_file, receive, start
from api.csv_import.headers import ignored_columns, letters, names_columns
from api.csv_import.reader import ERROR_COLUMNS, Unreadable, read_table
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_import, require_segment
from api.http.parameters import PathId
from api.http.problems import RequestError
from api.http.read_your_writes import snapshot
from api.http.responses import attachment
from api.http.route import AccountRoute
from api.http.upload import Uploaded, csv_file
from domain.customer import RESERVED
from domain.errors import Invalid, NotFound
from domain.texts.language import Language, said
from projections.records.imports import ImportRow, ImportState, NewImport

router = APIRouter(prefix="/segments", route_class=AccountRoute)
# The results of lines as `ImportRow` counts them, in the order in which the page shows them.
LINE_RESULTS = (
    ("added", said("Existing customers"), said("are customers already, but not in the segment")),
    ("created_customers", said("New customers"), said("no customer has the phone number")),
    ("already_members", said("Already members"), said("are in the segment already")),
    ("duplicates_in_file", said("Duplicates"), said("the phone number appears earlier in the file")),
    ("blank", said("Blank lines"), said("they contain nothing")),
    ("invalid", said("Invalid lines"), said("skipped, each with its reason in the error file")),
)
TYPE_WORDS = (
    ("text", said("Text")),
    ("number", said("Number")),
    ("boolean", said("Yes or no")),
    ("date", said("Date")),
    ("datetime", said("Date and time")),
    ("list", said("List")),
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
    """Stores a file, and goes to the page that says what it would do, or asks what its columns hold."""
    if isinstance(uploaded, RequestError):
        return _form(
            request, services, user, segment_id, _error_text(language_of(request), services, uploaded), uploaded.status
        )
    if isinstance(uploaded, Invalid) or not uploaded.name:
        return _form(request, services, user, segment_id, _choose_first(language_of(request)), 422)
    segment = require_static(services, user.account_id, segment_id)
    import_id = uuid4()
    state, has_header = _first_look(uploaded)
    sent = NewImport(import_id, segment.segment_id, uploaded.name, user.by, state, has_header=has_header)
    receive(services, user.account_id, sent, uploaded)
    to = f"/console/segments/{segment.segment_id}/imports/{import_id}"
    if "rollcall-upload" in request.headers:
        return Response(status_code=201, headers={"Location": to})
    return RedirectResponse(to, 303)


@router.get("/{segment_id}/imports/{import_id}")
def progress(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId
) -> Response:
    """Shows where an import is: its columns, what it would do, its progress, or its report."""
    row = _require_import_of(services, user, segment_id, import_id)
    if row.state == "uploaded":
        return _show_columns(request, services, user, row)
    with snapshot(services, user.account_id) as (connection, position):
        segment = require_segment(connection, user.account_id, segment_id)
    visible = position >= row.position
    seen = f"{row.state}-{row.lines}-{row.percent}-{visible}"
    if is_unchanged(request, seen):
        return nothing_new()
    values = {
        "segment": segment,
        "row": row,
        "seen": seen,
        "visible": visible,
        "ignored": ignored_columns(row.columns(), row.chosen),
        "results": [(title, meaning, getattr(row, name)) for name, title, meaning in LINE_RESULTS],
        "manage": manage_path(segment),
    }
    return show(request, "import.html", values)


@router.get("/{segment_id}/imports/{import_id}/columns")
def ask_columns(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId
) -> Response:
    """Shows the first rows of a file, and asks what each column holds."""
    return _show_columns(request, services, user, _require_import_of(services, user, segment_id, import_id))


@router.post("/{segment_id}/imports/{import_id}/columns")
def choose_columns(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId, form: PostedForm
) -> Response:
    """Finds out what the file does with the columns as chosen."""
    row = _require_import_of(services, user, segment_id, import_id)
    has_header = form.text("header") != NO_HEADER
    chosen = chosen_in(form, services.rollcall.attributes.all(user.account_id))
    if form.text("action") == "show":
        asked = row._replace(chosen=chosen if any(chosen) else None, has_header=has_header)
        return _show_columns(request, services, user, asked)
    try:
        check(services, user.account_id, row, chosen, has_header=has_header)
    except Invalid as wrong:
        said = row._replace(chosen=chosen, has_header=has_header)
        return _show_columns(request, services, user, said, wrong.detail)
    return redirect(request, _path_of(row))


@router.post("/{segment_id}/imports/{import_id}/start")
def begin(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, import_id: PathId) -> Response:
    """Imports the file, and shows its progress."""
    row = _require_import_of(services, user, segment_id, import_id)
    start(services, user.account_id, row)
    return redirect(request, _path_of(row))


@router.get("/{segment_id}/imports")
def past(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, pager: Paged) -> Response:
    """Lists the past imports into a segment."""
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
    return show_past_imports(request, services, user, pager, segment)


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
    segment, language = require_static(services, user.account_id, segment_id), language_of(request)
    values = {
        "segment": segment,
        "error": error,
        "says": {"choose": _choose_first(language), "too_large": _too_large(language, services)},
        "manage": manage_path(segment),
        "max_bytes": services.max_import,
    }
    return show(request, "import_upload.html", values, status)


def _first_look(uploaded: Uploaded) -> tuple[ImportState, bool]:
    """Returns what is done with a file at first, and whether it seems to have a header.

    Where the header says what every column holds, nothing has to be asked.
    """
    try:
        with read_table(uploaded.file, ()) as table:
            header = table.header
    except Unreadable:
        # Its check says why.
        return "checking", True
    finally:
        uploaded.file.seek(0)
    columns = columns_by_header(header)
    is_plain = bool(columns.phones) and all(
        place in {*columns.phones, *columns.names} or title.strip().lower() in ("", *ERROR_COLUMNS)
        for place, title in enumerate(header)
    )
    return "checking" if is_plain else "uploaded", names_columns(header)


def _show_columns(
    request: Request, services: Services, user: SignedInUser, row: ImportRow, error: str = ""
) -> Response:
    if row.state not in ("uploaded", "checked"):
        return redirect(request, _path_of(row))
    every = services.rollcall.attributes.all(user.account_id)
    attributes = {key: each for key, each in every.items() if each.computed is None}
    segment = require_static(services, user.account_id, str(row.segment_id))
    columns = columns_of(services, user.account_id, row, attributes)
    values = {
        "segment": segment,
        "row": row,
        "columns": columns,
        "letters": letters(len(columns)),
        "attributes": [(key, each.label or key) for key, each in attributes.items() if key not in RESERVED],
        "types": TYPE_WORDS,
        "no_header": NO_HEADER,
        "errors": {"": error} if error else {},
        "manage": manage_path(segment),
    }
    return show(request, "import_columns.html", values, 422 if error else 200)


def _path_of(row: ImportRow) -> str:
    return f"/console/segments/{row.segment_id}/imports/{row.import_id}"


def _error_text(language: Language, services: Services, error: RequestError) -> str:
    if error.status == 413:
        return _too_large(language, services)
    return language.gettext("The upload was interrupted: %(detail)s. Try again.", detail=error.detail)


def _too_large(language: Language, services: Services) -> str:
    most = services.max_import >> 20
    return language.gettext("The file is too large: at most %(max)s MB. Split it and import the parts.", max=most)


def _choose_first(language: Language) -> str:
    return language.gettext("Choose a CSV file first.")


def _require_import_of(services: Services, user: SignedInUser, segment_id: str, import_id: str) -> ImportRow:
    row = require_import(services, user.account_id, import_id)
    if str(row.segment_id) != segment_id.lower():
        raise NotFound("import_not_found", "no such import in this segment")
    return row
