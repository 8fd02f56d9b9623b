"""Rendering: the only module that knows Jinja. Every page of the console is rendered by `Pages.show`.

A template extends `layout`: the whole page or, when htmx requests the content of the page's dialog, only that. So
every dialog has an address of its own, which shows the same content as a page. Texts are always escaped; instants are
shown in the account's time zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

from api.console.paths import CONSOLE_PATH
from api.console.web.language import ago, language_of
from api.console.web.parts import answer_with_parts, is_for_part
from api.http.dependencies import Services
from domain import json_text
from domain.filters.wording import plural
from domain.texts.language import Language, Said

CONSOLE_FOLDER = Path(__file__).parents[1]
NOTICE_COOKIE = "rollcall_notice"
DIALOG = "dialog#dialog"
# The largest templates, of the pages that are opened first: compiling them takes a quarter of a second.
OPENED_FIRST = (
    "page.html", "navigation.html", "parts.html", "overview.html", "segments.html", "filter_builder.html",
    "segment_form.html", "customers.html", "customer_list.html", "customer_filter_form.html", "manage.html",
)  # fmt: skip
# Pages that belong to another part of the navigation than the first segment of their path.
SECTIONS = {"audiences": "campaigns"}


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
            extensions=["jinja2.ext.i18n"],
            finalize=shown_as,
        )
        self._templates.filters |= {
            "count": count,
            "share": share,
            "when": when,
            "iso": iso,
            "day": day,
            "plural": plural,
            "sentence": in_a_sentence,
        }
        self._templates.globals |= {"version": version, "asset": _assets(), "with_query": with_query}
        # What the tags of the i18n extension call as well; a message's values have names and are escaped.
        self._templates.globals |= {"_": gettext, "gettext": gettext, "ngettext": ngettext}
        self._templates.newstyle_gettext = True  # type: ignore[attr-defined]

    def compile_first(self) -> None:
        """Compile the templates that are likely to be needed first, so that no person waits for it."""
        for name in OPENED_FIRST:
            self._templates.get_template(name)

    def show(
        self, request: Request, template: str, values: Mapping[str, Any], status: int = 200, **headers: str
    ) -> Response:
        """Returns a rendered template.

        Every template also gets `user`, who is signed in, or `None` on pages before that.
        """
        in_dialog = is_for_dialog(request)
        services: Services = request.app.state.services
        cookie = request.cookies.get(NOTICE_COOKIE)
        notice = None if in_dialog else _notice_in(cookie)
        as_part = is_for_part(request)
        always = {
            "layout": "part.html" if as_part else "dialog.html" if in_dialog else "page.html",
            "request": request,
            "language": language_of(request),
            "now": services.rollcall.now(),
            "in_dialog": in_dialog,
            "user": getattr(request.state, "user", None),
            "section": _section_of(request.url.path),
            "notice": notice,
            "current_address": path_and_query(request),
        }
        text = self._templates.get_template(template).render(always | dict(values))
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if as_part:
            return answer_with_parts(request, text, status, sent)
        answer = HTMLResponse(text, status, sent)
        if cookie and not in_dialog and not request.headers.get("hx-request"):
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


class Undo(NamedTuple):
    """What takes a change of a list back, as a notice offers it: a position of the change, and the list's page."""

    position: int
    back: str


def done(request: Request, message: str, to: str, undo: Undo | None = None, *, keeps_ticks: bool = False) -> Response:
    """Returns the answer after a change: close the dialog and refresh the page below, or go to the page `to`.

    The notice with the message offers to take the change back, where `undo` says how. `keeps_ticks`: it was not done to
    what is ticked on the page, which stays ticked.
    """
    notice = {"message": language_of(request).of(message)} | (
        {} if undo is None else {"position": str(undo.position), "back": undo.back}
    )
    if is_for_dialog(request):
        if keeps_ticks:
            notice["keeps_ticks"] = "yes"
        # Header values are Latin-1, so the texts are percent-encoded.
        event = json_text.dumps({"rollcall:done": {key: quote(text) for key, text in notice.items()}}).decode()
        return Response(status_code=204, headers={"HX-Trigger": event})
    return gone(request, notice, to)


def gone(request: Request, notice: Mapping[str, str], to: str) -> Response:
    """Returns the answer after what the page is about was removed: go to the page `to`, from a dialog too."""
    answer = Response(headers={"HX-Redirect": to}) if "hx-request" in request.headers else RedirectResponse(to, 303)
    kept = quote(json_text.dumps(notice).decode())
    answer.set_cookie(NOTICE_COOKIE, kept, max_age=60, path=CONSOLE_PATH, httponly=True, samesite="lax")
    return answer


def redirect(request: Request, to: str) -> Response:
    """Returns the answer that goes to another page, in the dialog where the request came from one."""
    if is_for_dialog(request):
        return Response(headers={"HX-Location": json_text.dumps(_in_dialog(to)).decode()})
    return Response(headers={"HX-Redirect": to}) if "hx-request" in request.headers else RedirectResponse(to, 303)


def _in_dialog(to: str) -> dict[str, str]:
    return {"path": to, "target": "#dialog", "swap": "innerHTML", "push": "false"}


def _notice_in(cookie: str | None) -> dict[str, str] | None:
    """Returns the notice that a page shows once; `None` where there is none, or it is not one of ours."""
    try:
        kept = json_text.loads(unquote(cookie)) if cookie else None
    except ValueError:
        return None
    is_ours = isinstance(kept, dict) and all(isinstance(each, str) for each in kept.values()) and "message" in kept
    return kept if is_ours else None


def sentence(text: str) -> str:
    """Returns a detail as a sentence of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _language(context: Context) -> Language:
    language: Language = context["language"]
    return language


@pass_context
def gettext(context: Context, message: str, /, **values: Any) -> Markup:
    """Returns the message in the language, with its values."""
    language = _language(context)
    return Markup(language.translation(message)) % language.written(values)  # noqa: S704 - a message is from our code


@pass_context
def ngettext(context: Context, one: str, many: str, number: int, /, **values: Any) -> Markup:
    """Returns the message for this number of things, which is `%(num)s` in it."""
    language = _language(context)
    message = Markup(language.translation_for(one, many, number))  # noqa: S704 - a message is from our code
    return message % language.written({"num": number, **values})


@pass_context
def count(context: Context, number: int) -> str:
    """Returns a number with the separators of the language: 1204 -> 1,204."""
    return _language(context).number(number)


def share(part: float) -> str:
    """Returns a share in percent; not nothing, nor all, is not shown as such: 0.004 -> <1 %, 0.999 -> >99 %."""
    percent = round(part * 100)
    if 0 < part < 1 and percent in (0, 100):
        return ">99 %" if percent else "<1 %"
    return f"{percent} %"


@pass_context
def day(context: Context, value: date) -> str:
    """Returns a day in words."""
    return _language(context).day(value)


@pass_context
def shown_as(context: Context, value: Any) -> Any:
    """Returns what an expression shows: a text that was made by `domain.texts.language.said`, in the language."""
    return _language(context).of(value) if isinstance(value, Said) else value


@pass_context
def in_a_sentence(context: Context, text: str) -> str:
    """Returns a detail as a sentence of its own, in the language."""
    return sentence(_language(context).of(text))


@pass_context
def when(
    context: Context, instant: datetime | None, zone: ZoneInfo, *, seconds: bool = False, exact: bool = False
) -> Markup | str:
    """Returns an instant as people say it, "3 minutes ago"; pointing at it shows the exact one and its zone.

    With `exact`, or with its `seconds`, it is written out by the clock of the account's time zone.
    """
    if instant is None:
        return "—"
    language, local = _language(context), instant.astimezone(zone)
    written = language.instant(local, seconds=seconds)
    title = f"{language.instant(local, seconds=True)} {zone.key}"
    if seconds or exact:
        return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(instant), title, written)
    written = ago(language, local, context["now"].astimezone(zone))
    return Markup('<time datetime="{}" title="{}" class="relative">{}</time>').format(iso(instant), title, written)


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
