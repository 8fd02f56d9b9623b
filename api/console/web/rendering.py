"""Rendering: the only module that knows Jinja. Every page of the console is rendered by `Pages.show`.

A template extends `layout`: the whole page or, when htmx requests the content of the page's dialog, only that. So
every dialog has an address of its own, which shows the same content as a page. Texts are always escaped; instants are
shown in the account's time zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

from api.console.paths import CONSOLE_PATH
from api.http.problems import KINDS
from domain import json_text
from domain.errors import RollcallError
from domain.filters.wording import day, plural

CONSOLE_FOLDER = Path(__file__).parents[1]
NOTICE_COOKIE = "rollcall_notice"
DIALOG = "dialog#dialog"
# Pages that belong to another part of the navigation than the first segment of their path.
SECTIONS = {"customers": "segments", "audiences": "campaigns"}


class Pages:
    """The console's templates."""

    def __init__(self, version: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(CONSOLE_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {
            "count": count,
            "when": when,
            "iso": iso,
            "day": day,
            "plural": plural,
            "sentence": sentence,
        }
        self._templates.globals |= {"version": version, "asset": _assets(), "with_query": with_query}

    def show(
        self, request: Request, template: str, values: Mapping[str, Any], status: int = 200, **headers: str
    ) -> Response:
        """Returns a rendered template.

        Every template also gets `user`, who is signed in, or `None` on pages before that.
        """
        in_dialog = is_for_dialog(request)
        cookie = request.cookies.get(NOTICE_COOKIE)
        notice = unquote(cookie) if cookie and not in_dialog else None
        always = {
            "layout": "dialog.html" if in_dialog else "page.html",
            "request": request,
            "in_dialog": in_dialog,
            "user": getattr(request.state, "user", None),
            "section": _section_of(request.url.path),
            "notice": notice,
            "current_address": path_and_query(request),
        }
        text = self._templates.get_template(template).render(always | dict(values))
        answer = HTMLResponse(text, status, {name.replace("_", "-"): value for name, value in headers.items()})
        if notice and not request.headers.get("hx-request"):
            answer.delete_cookie(NOTICE_COOKIE, path=CONSOLE_PATH)
        return answer


def show(request: Request, template: str, values: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """Returns a page or, for a dialog, its content: `template` with `values`."""
    pages: Pages = request.app.state.pages
    return pages.show(request, template, values, status, **headers)


def is_for_dialog(request: Request) -> bool:
    """Returns whether the answer is shown in the page's dialog, or in a part of it."""
    return request.headers.get("hx-target") == DIALOG or "rollcall-dialog" in request.headers


def is_unchanged(request: Request, state: int | str) -> bool:
    """Returns whether a live region of a page already shows this state: a log position, or a text that identifies it.

    If so, answer with `nothing_new`.
    """
    return request.headers.get("rollcall-seen") == str(state)


def nothing_new() -> Response:
    """Returns the answer on which htmx leaves the page as it is."""
    return Response(status_code=204)


def done(request: Request, message: str, to: str) -> Response:
    """Returns the answer after a change: close the dialog and refresh the page below, or go to the page `to`."""
    if is_for_dialog(request):
        # Header values are Latin-1, so the message is percent-encoded.
        event = json_text.dumps({"rollcall:done": {"message": quote(message)}}).decode()
        return Response(status_code=204, headers={"HX-Trigger": event})
    answer = Response(headers={"HX-Redirect": to}) if "hx-request" in request.headers else RedirectResponse(to, 303)
    answer.set_cookie(NOTICE_COOKIE, quote(message), max_age=60, path=CONSOLE_PATH, httponly=True, samesite="lax")
    return answer


def error_page(
    request: Request,
    status: int,
    detail: str,
    error: RollcallError | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Returns an error as a page, or in the dialog that sent the request. Details of our own bugs are not shown."""
    kind = KINDS.get(status)
    shown = (
        detail
        if status < 500 or status in (503, 504)
        else "An unexpected error occurred. Details are in the server's log."
    )
    values = {
        "user": None,
        "status": status,
        "heading": kind.title if kind else "Something went wrong",
        "detail": sentence(shown),
    }
    answer = show(request, "error.html", values, status)
    answer.headers.update(headers or {})
    return answer


def sentence(text: str) -> str:
    """Returns a detail as a sentence of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def count(number: int) -> str:
    """Returns a number with thousands separators: 1204 -> 1,204."""
    return f"{number:,}"


def when(instant: datetime | None, zone: ZoneInfo, *, seconds: bool = False) -> Markup | str:
    """Returns an instant as people write it, in the account's time zone."""
    if instant is None:
        return "—"
    local = instant.astimezone(zone)
    text = f"{local:%b} {local.day}, {local:%Y, %H:%M:%S}" if seconds else f"{local:%b} {local.day}, {local:%Y, %H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(instant), f"{local:%Y-%m-%d %H:%M:%S} {zone.key}", text
    )


def iso(instant: datetime) -> str:
    """Returns an instant in RFC 3339."""
    return instant.isoformat().replace("+00:00", "Z")


def with_query(path: str, **values: Any) -> str:
    """Returns a path with a query of those `values` that are not empty."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def path_and_query(request: Request) -> str:
    """Returns the address that was requested, without scheme and host."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _section_of(path: str) -> str:
    """Returns the part of the navigation that a page belongs to."""
    first = path.removeprefix(f"{CONSOLE_PATH}/").partition("/")[0]
    return SECTIONS.get(first, first)


def _assets() -> dict[str, str]:
    """Returns the address of each static file, with a hash so that browsers load a new version immediately."""
    static = CONSOLE_FOLDER / "static"
    return {
        (name := path.relative_to(static).as_posix()): (
            f"{CONSOLE_PATH}/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        )
        for path in sorted(static.rglob("*"))
        if path.is_file()
    }
