"""Parts of a page: what a live list or its pager asks for instead of the whole page.

The browser says by `Rollcall-Part` which elements it shows anew, by their ids, and a live one by `Rollcall-Shown` what
it shows now. Where that is still the same, the answer is empty, however far the log has moved on. `rendering` renders
the content without the frame of the page; the parts are cut out of it here. That is safe because texts are escaped: the
only tags are those of our templates.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from fastapi import Request, Response
from starlette.responses import HTMLResponse

PART, SHOWN, SEEN = "Rollcall-Part", "Rollcall-Shown", "Rollcall-Seen"
# The state of the data that a part was made from: it may move on although the part stays the same.
_STATE = re.compile(r'"Rollcall-Seen": "([^"]*)"')


def is_for_part(request: Request) -> bool:
    """Returns whether only parts of the page are asked for."""
    return PART in request.headers


def answer_with_parts(request: Request, content: str, status: int, headers: Mapping[str, str]) -> Response:
    """Returns the parts that are asked for, nothing where the browser shows the same, or all where one is missing."""
    found = [part_of(content, name) for name in request.headers[PART].split()]
    parts = [each for each in found if each is not None]
    if len(parts) < len(found) or status != 200:
        return HTMLResponse(content, status, dict(headers))
    text = "".join(parts)
    shown = hashlib.sha256(_STATE.sub("", text).encode()).hexdigest()[:16]
    state = _STATE.search(text)
    said = dict(headers) | {SHOWN: shown} | ({SEEN: state[1]} if state else {})
    if request.headers.get(SHOWN) == shown:
        return Response(status_code=204, headers=said)
    return HTMLResponse(text, status, said)


def part_of(content: str, name: str) -> str | None:
    """Returns the element with this id, from its first tag to its last; `None` where there is none."""
    start = re.search(rf'<(\w+) id="{re.escape(name)}"', content)
    if start is None:
        return None
    depth = 0
    for tag in re.compile(rf"<(/?){start[1]}\b[^>]*>").finditer(content, start.start()):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return content[start.start() : tag.end()]
    return None
