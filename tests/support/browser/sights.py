"""Every page and every dialog of the console, by the way a person gets there.

`test_accessible` and `test_operable` look at all of them, and a page of the application that is not among them fails;
`screenshots` takes their pictures. In a path `{dynamic}` and the like are ids of `scenery`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from api.console.paths import CONSOLE_PATH
from tests.support.browser.scenery import COLLEAGUE, NEWSLETTER, PEOPLE, PREMIUM, SPRING

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
        return CONSOLE_PATH + self.path.format(**ids)

    def open(self, page: Page, ids: dict[str, str], *, press: Callable[[Locator], None] = Locator.click) -> None:
        """Go there; `press` is how the person follows a link or a button."""
        answer = page.goto(self.address(ids))
        assert answer is not None
        assert answer.status == self.status, f"{answer.status} at {page.url}"
        dialogs = 0
        for step in self.steps:
            press(target(page, step.format(**ids)))
            if step.startswith(MENUS):
                expect(page.locator(":popover-open :focus")).to_have_count(1)
            else:
                dialogs += 1
                page.wait_for_function("depth => history.state?.dialog === depth", arg=dialogs)
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
    Sight("segment-new", "/segments/new"),
    Sight("segment-edit", "/segments/{dynamic}/edit"),
    Sight("segment-edit-every-kind", "/segments/{long}/edit"),
    Sight("segment-edit-static", "/segments/{static}/edit"),
    Sight("delete", "/segments/{static}/delete"),
    Sight("delete-dialog", "/segments", (menu_of(NEWSLETTER), "Delete")),
    Sight("why-member", "/segments/{dynamic}/customers/{customer}/why"),
    Sight("why-tree", "/segments/{long}/customers/{customer}/why"),
    Sight("why-list", "/segments/{static}/customers/{customer}/why"),
    Sight("why-dialog", "/segments/{dynamic}/why?query=ana+s%C3%A1", (f"Why? {PEOPLE[0]}",)),
    Sight("why-ask", "/segments/{dynamic}/why"),
    Sight("why-ask-found", "/segments/{dynamic}/why?query=ana"),
    Sight("why-ask-nobody", "/segments/{dynamic}/why?query=nobody-is-called-so"),
    Sight("history", "/segments/{dynamic}/history"),
    Sight("history-all", "/segments/{static}/history?range=all"),
    Sight("history-empty", "/segments/{empty}/history"),
    Sight("health", "/health"),
    Sight("health-letter", "/health/dead-letters/{letter}"),
    Sight("health-letter-dialog", "/health", ("Show record 1",)),
    Sight("customers", "/segments/{static}/customers"),
    Sight("customers-of-none", "/segments/{empty}/customers"),
    Sight("customers-dialog", "/segments", (menu_of(PREMIUM), "View Customers")),
    Sight("customer-edit", "/customers/{customer}/edit"),
    Sight("customer-edit-dialog", "/segments", (menu_of(NEWSLETTER), "View Customers", f"Edit {PEOPLE[0]}")),
    Sight("manage-static", "/segments/{static}/manage"),
    Sight("manage-dynamic", "/segments/{dynamic}/manage"),
    Sight("manage-empty", "/segments/{empty}/manage"),
    Sight("add", "/segments/{static}/add"),
    Sight("add-dialog", "/segments/{static}/manage", ("Add Customers",)),
    Sight("remove", "/segments/{static}/remove?customer_id={customer}"),
    Sight("remove-dialog", "/segments/{static}/manage", (f"Remove {PEOPLE[0]}",)),
    Sight("import", "/segments/{static}/import"),
    Sight("import-dialog", "/segments/{static}/manage", ("Import CSV",)),
    Sight("import-done", "/segments/{static}/imports/{import}"),
    Sight("campaigns", "/campaigns"),
    Sight("campaign-menu", "/campaigns", (menu_of(SPRING),)),
    Sight("campaign-new", "/campaigns/new"),
    Sight("campaign-edit", "/campaigns/{campaign}/edit"),
    Sight("campaign", "/campaigns/{campaign}"),
    Sight("campaign-needs-an-audience", "/campaigns/{needy}"),
    Sight("campaign-delete", "/campaigns/{campaign}/delete"),
    Sight("campaign-delete-dialog", "/campaigns", (menu_of(SPRING), "Delete")),
    Sight("campaign-freeze", "/campaigns/{campaign}/freeze"),
    Sight("campaign-freeze-dialog", "/campaigns/{campaign}", ("Freeze Audience",)),
    Sight("audiences", "/audiences"),
    Sight("audience", "/audiences/{audience}"),
    Sight("attributes", "/attributes"),
    Sight("attribute-new", "/attributes/new"),
    Sight("attribute-new-dialog", "/attributes", ("New Attribute",)),
    Sight("attribute-edit", "/attributes/plan/edit"),
    Sight("attribute-edit-dialog", "/attributes", ("Edit Plan",)),
    Sight("keys", "/keys"),
    Sight("key-new", "/keys/new"),
    Sight("key-new-dialog", "/keys", ("Create API Key",)),
    Sight("key-revoke", "/keys/{key}/revoke"),
    Sight("key-revoke-dialog", "/keys", ("Revoke admin key",)),
    Sight("webhooks", "/webhooks"),
    Sight("webhook-new", "/webhooks/new"),
    Sight("webhook-edit", "/webhooks/{webhook}/edit"),
    Sight("webhook", "/webhooks/{webhook}"),
    Sight("webhook-paused", "/webhooks/{paused}"),
    Sight("webhook-resume", "/webhooks/{paused}/resume"),
    Sight("webhook-resume-dialog", "/webhooks/{paused}", ("Resume",)),
    Sight("webhook-redeliver", "/webhooks/{webhook}/redeliver"),
    Sight("webhook-secret", "/webhooks/{webhook}/secret"),
    Sight("webhook-delete", "/webhooks/{webhook}/delete"),
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
    "/segments/{segment_id}/newer": "a part of the page on which a segment is edited",
    "/segments/{segment_id}/import-sample.csv": "a file",
    "/segments/{segment_id}/imports/{import_id}/errors.csv": "a file",
    "/campaigns/{campaign_id}/recipients.{ending}": "is a file",
    "/audiences/{audience_id}/recipients.{ending}": "is a file",
}
