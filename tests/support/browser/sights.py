"""Every page and every dialog of the console, by the way a person gets there.

`test_accessible` and `test_operable` look at all of them, and a page of the application that is not among them fails;
`tests.browser.screenshots` takes their pictures. In a path `{dynamic}` and the like are ids of `scenery`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from api.console.paths import CONSOLE_PATH
from tests.support.browser.scenery import COLLEAGUE, NEWSLETTER, PEOPLE, PREMIUM, SPRING

MENU = "Actions for "
ACCOUNT = "Owner"
MENUS = (MENU, ACCOUNT, "More for ")


@dataclass(frozen=True, slots=True)
class Sight:
    """A page, or the dialog that opens on it when its `opener` is followed by the names in `steps`.

    A step is the name of a button or link; the button of a row's ⋯ menu is one. What they open is a dialog. At last the
    field with the label `clicked` is clicked, if there is one, and `awaited` (a selector) has to be there.
    """

    name: str
    path: str
    steps: tuple[str, ...] = ()
    signed_in: bool = True
    status: int = 200
    clicked: str = ""
    awaited: str = ""

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
            place = target(page, step.format(**ids))
            fold = page.locator(".nav-button" if step == ACCOUNT else ".fold-button")
            if not place.is_visible() and fold.is_visible():  # on a phone
                press(fold)
                if step == ACCOUNT:
                    continue  # a part of the navigation
            press(place)
            if step.startswith(MENUS):
                expect(page.locator(":popover-open :focus")).to_have_count(1)
            else:
                dialogs += 1
                page.wait_for_function("depth => history.state?.dialog === depth", arg=dialogs)
                expect(page.get_by_role("dialog")).to_be_visible()
        if self.clicked:
            page.get_by_label(self.clicked, exact=True).last.click()
        if self.awaited:
            expect(page.locator(self.awaited).first).to_be_visible()


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


# Filters in addresses: one that no customer matches, and one of segments, of which a first is still to be chosen.
NOWHERE = quote('[{"attribute":"plan","operator":"equals","value":"platinum"}]')
WITHIN = quote('[{"attribute":"segment","operator":"in","value":["SEGMENT"]}]').replace("SEGMENT", "{dynamic}")

SIGHTS = (
    Sight("sign-in", "/sign-in", signed_in=False),
    Sight("sign-in-link-used", "/sign-in/no-such-link", signed_in=False, status=410),
    Sight("overview", "/overview"),
    Sight("segments", "/segments"),
    Sight("segments-none-matches", "/segments?name=nothing-is-called-so"),
    Sight("segments-archived", "/segments?show=archived"),
    Sight("segments-by-members", "/segments?sort=-members"),
    Sight("segments-labels", "/segments/selected?do=labels&segment_id={static}&segment_id={dynamic}"),
    Sight("segments-labels-dialog", "/segments", (menu_of(NEWSLETTER), "Labels")),
    Sight("segments-archive", "/segments/selected?do=archive&segment_id={static}&segment_id={dynamic}"),
    Sight("segments-archive-dialog", "/segments", (menu_of(NEWSLETTER), "Archive")),
    Sight("segments-restore", "/segments/selected?do=restore&segment_id={archived}"),
    Sight("segments-delete", "/segments/selected?do=delete&segment_id={static}&segment_id={dynamic}"),
    Sight("segments-selected-none", "/segments/selected?do=delete"),
    Sight("labels", "/segments/labels"),
    Sight("labels-dialog", "/segments", ("Manage labels",)),
    Sight("label-delete", "/segments/labels/{label}/delete"),
    Sight("segment-menu", "/segments", (menu_of(NEWSLETTER),)),
    Sight("segment-new", "/segments/new"),
    Sight("segment-new-templates", "/segments/new", clicked="Dynamic Segment", awaited=".template-list"),
    Sight("segment-new-hint", "/segments/new?filter=" + NOWHERE, awaited=".note button"),
    Sight("segment-edit", "/segments/{dynamic}/edit"),
    Sight(
        "segment-edit-attributes", "/segments/{dynamic}/edit", clicked="Attribute", awaited="#picker-list [role=option]"
    ),
    Sight("segment-edit-values", "/segments/{long}/edit", clicked="Add a value", awaited="#picker-list [role=option]"),
    Sight(
        "segment-edit-segments",
        "/segments/new?filter=" + WITHIN,
        clicked="Add a segment",
        awaited="#picker-list [role=option]",
    ),
    Sight("condition-menu", "/segments/{dynamic}/edit", (menu_of("Premium customer"),)),
    Sight("segment-edit-every-kind", "/segments/{long}/edit"),
    Sight("segment-edit-behaviour", "/segments/{behaviour}/edit"),
    Sight("why-behaviour", "/segments/{behaviour}/customers/{customer}/why"),
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
    Sight("copy", "/segments/{static}/copy"),
    Sight("copy-dialog", "/segments", (menu_of(PREMIUM), "Duplicate")),
    Sight("versions", "/segments/{dynamic}/versions"),
    Sight("versions-of-a-list", "/segments/{static}/versions"),
    Sight("health", "/health"),
    Sight("health-letter", "/health/dead-letters/{letter}"),
    Sight("health-letter-dialog", "/health", ("Show record 1",)),
    Sight("customers", "/segments/{static}/customers"),
    Sight("customers-of-none", "/segments/{empty}/customers"),
    Sight("customers-dialog", "/segments", (menu_of(PREMIUM), "View Customers")),
    Sight("customer-list", "/customers"),
    Sight("customer-list-found", "/customers?query=vip&columns=city,plan,created_at"),
    Sight("customer-list-filtered", "/customers?filter=" + quote('[{"attribute":"opted_out","operator":"is_set"}]')),
    Sight("customer-list-none", "/customers?query=nothing-is-called-so"),
    Sight("customer-count", "/customers/count"),
    Sight("customer-export", "/customers/export?query=vip&columns=city"),
    Sight("customer-export-dialog", "/customers", ("More for the customers found", "Export CSV…")),
    Sight("customer-filter", "/customers/filter"),
    Sight("customer-page", "/customers/{customer}"),
    Sight("customer-erase", "/customers/{customer}/erase"),
    Sight("customer-erase-dialog", "/customers/{customer}", ("Erase",)),
    Sight("customer-edit", "/customers/{customer}/edit"),
    Sight("customer-edit-dialog", "/segments", (menu_of(NEWSLETTER), "View Customers", f"Edit {PEOPLE[0]}")),
    Sight("manage-static", "/segments/{static}/manage"),
    Sight("manage-dynamic", "/segments/{dynamic}/manage"),
    Sight("manage-empty", "/segments/{empty}/manage"),
    Sight("add", "/segments/{static}/add"),
    Sight("add-dialog", "/segments/{static}/manage", ("Add Customers",)),
    Sight("remove", "/segments/{static}/remove?customer_id={customer}"),
    Sight("remove-dialog", "/segments/{static}/manage", (f"Remove {PEOPLE[0]}",)),
    Sight("empty", "/segments/{static}/empty"),
    Sight("empty-dialog", "/segments/{static}/manage", ("More for " + NEWSLETTER, "Empty the list…")),
    Sight("selected-tag", "/selected?do=tag&all=1&in={static}"),
    Sight("selected-add", "/selected?do=add&all=1&in={dynamic}"),
    Sight("job", "/jobs/{job}"),
    Sight("take-back", "/take-back?position={position}"),
    Sight("import", "/segments/{static}/import"),
    Sight("import-dialog", "/segments/{static}/manage", ("Import CSV",)),
    Sight("export", "/segments/{dynamic}/export"),
    Sight("export-dialog", "/segments/{static}/manage", ("More for " + NEWSLETTER, "Export CSV…")),
    Sight("imports", "/imports"),
    Sight("imports-of-segment", "/segments/{static}/imports"),
    Sight("import-columns", "/segments/{static}/imports/{mapped}/columns"),
    Sight("import-checked", "/segments/{static}/imports/{checked}"),
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
    Sight("campaign-overlap", "/campaigns/{campaign}/overlap"),
    Sight("audiences", "/audiences"),
    Sight("audience", "/audiences/{audience}"),
    Sight("audience-compare", "/audiences/{later}/compare"),
    Sight("audience-compare-went", "/audiences/{later}/compare?change=went"),
    Sight("audience-compare-nothing", "/audiences/{audience}/compare"),
    Sight("attributes", "/attributes"),
    Sight("attribute-new", "/attributes/new"),
    Sight("attribute-new-dialog", "/attributes", ("New Attribute",)),
    Sight("attribute-edit", "/attributes/plan/edit"),
    Sight("attribute-edit-dialog", "/attributes", ("Edit Plan",)),
    Sight("attribute-computed-new", "/attributes/computed/new"),
    Sight("attribute-computed-new-dialog", "/attributes", ("New Computed Attribute",)),
    Sight("attribute-computed-edit", "/attributes/computed/orders_30d/edit"),
    Sight("attribute-computed-remove", "/attributes/computed/orders_30d/remove"),
    Sight("attribute-computed-remove-dialog", "/attributes", ("Remove Orders of the last 30 days",)),
    Sight("keys", "/keys"),
    Sight("key-new", "/keys/new"),
    Sight("key-new-dialog", "/keys", ("Create API Key",)),
    Sight("key-revoke", "/keys/{key}/revoke"),
    Sight("key-revoke-dialog", "/keys", ("Revoke {key_name}",)),
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
    Sight("account-menu", "/segments", (ACCOUNT,)),
    Sight("no-such-page", "/nowhere", status=404),
)
# What answers a GET and is no page, and why.
NOT_PAGES: dict[str, str] = {
    "/": "goes on to the overview",
    "/filters/attributes": "is the list of a picker in the filter builder",
    "/filters/activities": "is the list of a picker in the filter builder",
    "/filters/activities/{activity}/properties": "is the list of a picker in the filter builder",
    "/filters/activities/{activity}/properties/{key}/values": "is the list of a picker in the filter builder",
    "/filters/segments": "is the list of a picker in the filter builder",
    "/filters/values/{key}": "is the list of a picker in the filter builder",
    "/segments/name-taken": "a part of the form of a segment",
    "/segments/{segment_id}/newer": "a part of the page on which a segment is edited",
    "/segments/{segment_id}/import-sample.csv": "a file",
    "/segments/{segment_id}/imports/{import_id}/errors.csv": "a file",
    "/segments/{segment_id}/members.csv": "a file",
    "/customers/customers.csv": "a file",
    "/campaigns/{campaign_id}/recipients.{ending}": "is a file",
    "/audiences/{audience_id}/recipients.{ending}": "is a file",
}
