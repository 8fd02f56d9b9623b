"""An open page asks once a second for its live part: what it gets is that part alone, and only if it changed."""

from __future__ import annotations

import re
from uuid import UUID

from httpx import Client

from api.console.web.parts import part_of
from domain.segment import SegmentDraft
from tests.support.installation import Installation

PART = {"HX-Request": "true", "Rollcall-Part": "list"}
PATH = "/console/segments"


def test_a_live_list_is_sent_alone_and_not_again_while_it_is_the_same(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    whole = console.get(PATH)
    first = console.get(PATH, headers=PART)
    assert first.text == part_of(whole.text, "list")
    assert "<html" not in first.text
    shown = PART | {"Rollcall-Shown": first.headers["rollcall-shown"], "Rollcall-Seen": "0"}

    installation.rollcall.attributes.declare(account_id, "plan", "text", None)
    installation.catch_up()
    again = console.get(PATH, headers=shown)
    assert (again.status_code, again.content) == (204, b""), "the log moved on, the list did not change"
    assert int(again.headers["rollcall-seen"]) > int(first.headers["rollcall-seen"])

    installation.rollcall.segments.create(account_id, SegmentDraft("New one", "", "static", None))
    installation.catch_up()
    changed = console.get(PATH, headers=shown)
    assert "New one" in changed.text
    assert changed.headers["rollcall-shown"] != first.headers["rollcall-shown"]


def test_several_parts_are_sent_together_and_an_unknown_one_as_the_whole_content(console: Client) -> None:
    both = console.get("/console/you", headers={"Rollcall-Part": "read-in who"}).text
    assert re.findall(r"<(\w+) id", both) == ["h2", "h2"]
    assert 'action="/console/you/password"' in console.get("/console/you", headers={"Rollcall-Part": "nothing"}).text


def test_a_part_ends_where_its_element_does() -> None:
    page = '<div id="a"><div><p>x</p></div><div id="b">y</div></div><div id="c"></div>'
    assert part_of(page, "a") == '<div id="a"><div><p>x</p></div><div id="b">y</div></div>'
    assert part_of(page, "b") == '<div id="b">y</div>'
    assert part_of(page, "d") is None
