"""Every page and every dialog of the console, by the way a person gets there.

`test_accessible` and `test_operable` look at all of them, and a page of the application that is not among them fails;
`screenshots` takes their pictures. In a path `{dynamic}` and the like are ids of `scenery`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from api.console.rendering import PLACE
from tests.browser.scenery import COLLEAGUE, NEWSLETTER

MENU = "Actions for "
MENUS = (MENU, "Owner")


@dataclass(frozen=True, slots=True)
class Sight:
    """A page, or the dialog that opens on it when its `opener` is followed by the names in `steps`.

    A step is the name of a button or link; the button of a row's ⋯ menu is one. What they open is a dialog.
    """

    name: str
    path: str
    steps: tuple[str, ...] = ()
    signed_in: bool = True
    status: int = 200

    @property
    def opens_dialog(self) -> bool:
        return bool(self.steps) and not self.steps[-1].startswith(MENUS)

    def address(self, ids: dict[str, str]) -> str:
        return PLACE + self.path.format(**ids)

    def open(self, page: Page, ids: dict[str, str], *, press: Callable[[Locator], None] = Locator.click) -> None:
        """Go there; `press` is how the person follows a link or a button."""
        answer = page.goto(self.address(ids))
        assert answer is not None
        assert answer.status == self.status, f"{answer.status} at {page.url}"
        for step in self.steps:
            press(target(page, step))
        if self.opens_dialog:
            expect(page.get_by_role("dialog")).to_be_visible()


def name_of(sight: Sight) -> str:
    return sight.name


def target(page: Page, name: str) -> Locator:
    """The button or link of that name, within the dialog if one is open."""
    place = page.get_by_role("dialog") if page.get_by_role("dialog").is_visible() else page
    button, link = place.get_by_role("button", name=name, exact=True), place.get_by_role("link", name=name, exact=True)
    return button.or_(link).first


def menu_of(name: str) -> str:
    """The ⋯ menu of a row."""
    return MENU + name


SIGHTS = (
    Sight("sign-in", "/sign-in", signed_in=False),
    Sight("sign-in-link-used", "/sign-in/no-such-link", signed_in=False, status=410),
    Sight("segments", "/segments"),
    Sight("segments-none-matches", "/segments?name=nothing-is-called-so"),
    Sight("segment-menu", "/segments", (menu_of(NEWSLETTER),)),
    Sight("delete", "/segments/{static}/delete"),
    Sight("delete-dialog", "/segments", (menu_of(NEWSLETTER), "Delete")),
    Sight("why-member", "/segments/{dynamic}/customers/{customer}/why"),
    Sight("why-tree", "/segments/{long}/customers/{customer}/why"),
    Sight("why-list", "/segments/{static}/customers/{customer}/why"),
    Sight("why-dialog", "/segments/{dynamic}/history", ("Why? Ana Sá",)),
    Sight("why-ask", "/segments/{dynamic}/why"),
    Sight("why-ask-found", "/segments/{dynamic}/why?query=ana"),
    Sight("why-ask-nobody", "/segments/{dynamic}/why?query=nobody-is-called-so"),
    Sight("history", "/segments/{dynamic}/history"),
    Sight("history-all", "/segments/{static}/history?range=all"),
    Sight("history-empty", "/segments/{empty}/history"),
    Sight("health", "/health"),
    Sight("health-letter", "/health/dead-letters/{letter}"),
    Sight("health-letter-dialog", "/health", ("Show record 1",)),
    Sight("people", "/people"),
    Sight("person-menu", "/people", (menu_of(COLLEAGUE),)),
    Sight("person-new", "/people/new"),
    Sight("person-new-dialog", "/people", ("Add Person",)),
    Sight("person-remove", "/people/{person}/remove"),
    Sight("person-remove-dialog", "/people", (menu_of(COLLEAGUE), "Remove")),
    Sight("you", "/you"),
    Sight("account-menu", "/segments", ("Owner",)),
    Sight("no-such-page", "/nowhere", status=404),
)
# What answers a GET and is no page, and why.
NOT_PAGES: dict[str, str] = {
    "/": "goes on to the segments",
}
