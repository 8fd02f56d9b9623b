"""The documents of a folder as web pages, and the reference of the HTTP API; mounted at `/docs` by `api.app`.

The Markdown files stay readable where they are: a link between two of them, such as `filters.md`, works on these pages
unchanged. A page is rendered once, when it is first asked for. `/docs/api` shows `/openapi.json` with the
vendored Swagger UI; its scripts and styles come from here, and no page asks another site for anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

FOLDER: Final = Path(__file__).parent
SHELL: Final = (FOLDER / "shell.html").read_text(encoding="utf-8")
REFERENCE: Final = (FOLDER / "reference.html").read_text(encoding="utf-8")
INDEX: Final = "index.md"
_POLICY = "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'"
# Swagger UI writes style attributes; it is shown on a page of its own, so that only that page allows them.
PAGE_POLICY: Final = f"{_POLICY}; style-src 'self'; frame-ancestors 'none'"
REFERENCE_POLICY: Final = f"{_POLICY}; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def create_docs(documents: Path) -> Starlette:
    """Return the application that shows every Markdown file below `documents`; its `index.md` is the first page."""
    pages = {path.relative_to(documents).as_posix(): path for path in documents.rglob("*.md")}
    rendered = cache(render)

    async def page(request: Request) -> Response:
        try:
            path = pages[request.path_params.get("name", INDEX)]
        except KeyError:
            raise HTTPException(404) from None
        return HTMLResponse(rendered(path), headers={"Content-Security-Policy": PAGE_POLICY})

    async def reference(_: Request) -> Response:
        return HTMLResponse(REFERENCE, headers={"Content-Security-Policy": REFERENCE_POLICY})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api", reference),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
            Route("/{name:path}", page),
        ]
    )


def render(path: Path) -> str:
    """Return a Markdown file as a whole HTML page, titled by its first heading."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").use(anchors_plugin, max_level=3)
    source = path.read_text(encoding="utf-8")
    title = source.partition("\n")[0].removeprefix("# ")
    return SHELL.replace("{{ title }}", title).replace("{{ body }}", markdown.render(source))
