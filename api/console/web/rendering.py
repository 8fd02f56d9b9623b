"""Templates: the only module that knows Jinja. Every page of the console is rendered by `Pages.show`.

A template extends `layout`, which is the whole page, or, where htmx asked for the page's dialog, the inside of one:
so every dialog has an address of its own, which shows the same as a page. Texts are escaped always; instants are
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

from api.http.problems import KINDS
from domain import json_text
from domain.errors import RollcallError
from domain.filters.wording import day, plural

HERE = Path(__file__).parents[1]
PLACE = "/console"
NOTICE_COOKIE = "rollcall_notice"
DIALOG = "dialog#dialog"


class Pages:
    """The console's templates."""

    def __init__(self, version: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
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
        """A template as an answer; `person` is who is signed in, `None` on pages before that."""
        in_dialog = asked_from_dialog(request)
        notice = request.cookies.get(NOTICE_COOKIE)
        known = {
            "layout": "dialog.html" if in_dialog else "page.html", "request": request, "in_dialog": in_dialog,
            "person": None, "notice": unquote(notice) if notice and not in_dialog else None, "active": "",
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        }  # fmt: skip
        text = self._templates.get_template(template).render(known | dict(values))
        answer = HTMLResponse(text, status, {name.replace("_", "-"): value for name, value in headers.items()})
        if known["notice"] and not request.headers.get("hx-request"):
            answer.delete_cookie(NOTICE_COOKIE, path=PLACE)
        return answer


def show(request: Request, template: str, values: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """A page, or, for a dialog, its inside: `template` with `values`."""
    pages: Pages = request.app.state.pages
    return pages.show(request, template, values, status, **headers)


def asked_from_dialog(request: Request) -> bool:
    """Whether the page's dialog, or a part of what is in it, asks."""
    return request.headers.get("hx-target") == DIALOG or "rollcall-dialog" in request.headers


def unchanged(request: Request, seen: int | str) -> bool:
    """Whether a page that keeps itself up to date has `seen` this log position (and what else it shows) already.

    Answer it with `still`.
    """
    return request.headers.get("rollcall-seen") == str(seen)


def still() -> Response:
    """Nothing new: htmx leaves the page as it is."""
    return Response(status_code=204)


def done(request: Request, message: str, to: str) -> Response:
    """After something was changed: close the dialog and refresh what lies beneath, or go to the page `to`."""
    if asked_from_dialog(request):
        # Header values are Latin-1; JSON escapes say the rest.
        told = json_text.dumps({"rollcall:done": {"message": quote(message)}}).decode()
        return Response(status_code=204, headers={"HX-Trigger": told})
    answer = Response(headers={"HX-Redirect": to}) if "hx-request" in request.headers else RedirectResponse(to, 303)
    answer.set_cookie(NOTICE_COOKIE, quote(message), max_age=60, path=PLACE, httponly=True, samesite="lax")
    return answer


def refusal(
    request: Request,
    status: int,
    detail: str,
    error: RollcallError | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What went wrong, as a page or in the dialog that asked. Our own mistakes are named, never shown."""
    kind = KINDS.get(status)
    shown = detail if status < 500 or status in (503, 504) else "An unexpected error occurred. Details are in the server's log."
    values = {"status": status, "heading": kind.title if kind else "Something went wrong", "detail": sentence(shown)}
    answer = show(request, "error.html", values, status)
    answer.headers.update(headers or {})
    return answer


def sentence(text: str) -> str:
    """A detail as a sentence of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def count(number: int) -> str:
    """1204 -> 1,204."""
    return f"{number:,}"


def when(instant: datetime | None, zone: ZoneInfo, *, seconds: bool = False) -> Markup | str:
    """An instant as people read it in the account's time zone."""
    if instant is None:
        return "—"
    local = instant.astimezone(zone)
    text = f"{local:%b} {local.day}, {local:%Y, %H:%M:%S}" if seconds else f"{local:%b} {local.day}, {local:%Y, %H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(instant), f"{local:%Y-%m-%d %H:%M:%S} {zone.key}", text
    )


def iso(instant: datetime) -> str:
    """An instant in RFC 3339."""
    return instant.isoformat().replace("+00:00", "Z")


def with_query(path: str, **values: Any) -> str:
    """An address with those of `values` that say something."""
    said = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(said)}" if said else path


def _assets() -> dict[str, str]:
    """The address of each static file, with a hash so that browsers take a new version at once."""
    static = HERE / "static"
    return {
        (name := path.relative_to(static).as_posix()): (
            f"{PLACE}/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        )
        for path in sorted(static.rglob("*"))
        if path.is_file()
    }
