"""A page has room for its text on any screen, and nothing moves away under the pointer."""

from __future__ import annotations

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Route, ViewportSize, expect

from tests.support.browser.console import Console
from tests.support.browser.looking import within_the_screen
from tests.support.browser.scenery import LONG, NEWSLETTER, PREMIUM
from tests.support.browser.sights import menu_of

PHONE: ViewportSize = {"width": 320, "height": 700}
TABLET: ViewportSize = {"width": 768, "height": 900}
# What a chart writes on its canvas.
DRAWN = """() => {
  window.drawn = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    window.drawn.push(text);
    return write.call(this, text, ...place);
  };
}"""


@pytest.fixture(scope="module")
def endless(console: Console) -> tuple[str, str]:
    """A segment and its member whose texts hold no place at which to break."""
    data = {"tags": ["t" * 90, "vip"], "attributes": {"plan": "p" * 400, "likes": ["l" * 100]}}
    customer = console.customer("N" * 150, **data)
    console.wait_until_visible()
    segment = console.segment("x" * 180, description="d" * 400, members=[customer])
    console.campaign("c" * 180, segment)
    return segment, customer


def test_on_a_phone_a_long_name_among_choices_keeps_its_words_whole(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/console/campaigns/new")

    assert box(page.locator(".choice-name", has_text=LONG).first)["width"] > 150


def test_on_a_phone_a_dialog_leaves_a_customers_values_room(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/console/segments")
    page.get_by_role("button", name=menu_of(PREMIUM), exact=True).click()
    page.get_by_role("link", name="View Customers").locator("visible=true").click()

    values = page.get_by_role("dialog").locator("dl.values").first
    assert box(values)["width"] > 130
    whole = values.evaluate("list => [...list.children].every(each => each.scrollHeight <= each.clientHeight + 1)")
    assert whole, values.inner_text()


def test_on_a_phone_nothing_of_the_list_shows_beside_the_buttons_beneath_it(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"/console/segments/{ids['static']}/manage")
    page.get_by_role("link", name="Add Customers").click()

    dialog = page.get_by_role("dialog")
    buttons, around = box(dialog.locator(".sticky")), box(dialog)
    assert buttons["x"] <= around["x"] + 1
    assert buttons["width"] >= dialog.evaluate("dialog => dialog.clientWidth") - 1


def test_on_a_phone_the_lines_of_an_import_are_beside_their_numbers(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"/console/segments/{ids['static']}/imports/{ids['import']}")

    for row in page.locator(".sums :is(tbody, tfoot) tr").all():
        assert abs(box(row.locator("th"))["y"] - box(row.locator("td"))["y"]) < 1, row.inner_text()


def test_the_effect_of_an_edit_is_shown_above_the_save_button(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size(TABLET)
    page.goto(f"/console/segments/{ids['dynamic']}/edit")
    expect(page.locator("#matches-impact")).to_be_visible()

    button = page.get_by_role("button", name="Update Segment").locator("visible=true").last
    assert bottom(page.locator("#matches-impact")) < box(button)["y"]
    assert bottom(page.locator("[aria-labelledby=concerned-title]")) < box(button)["y"]


def test_the_segments_concerned_do_not_move_when_the_count_arrives(page: Page, ids: dict[str, str]) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/matches", hold)
    page.goto(f"/console/segments/{ids['dynamic']}/edit")
    concerned = page.locator("[aria-labelledby=concerned-title]")
    before = box(concerned)
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    page.unroute("**/matches")
    expect(page.locator("#matches-sample")).to_be_visible()

    assert box(concerned) == before


def test_ticking_all_takes_no_room_that_the_headings_did_not_have(page: Page, ids: dict[str, str]) -> None:
    page.goto(f"/console/segments/{ids['static']}/manage")
    tick = page.get_by_label("Tick all on this page")
    expect(tick).to_be_visible()

    with_it = box(page.locator("thead"))["height"]
    tick.evaluate("box => { box.hidden = true; }")
    assert box(page.locator("thead"))["height"] == with_it


def test_a_list_looks_different_from_its_headings(page: Page, ids: dict[str, str]) -> None:
    page.goto("/console/segments")

    rule = page.locator("thead th").first.evaluate("cell => getComputedStyle(cell).borderBottomWidth")
    assert rule == "1px"


def test_on_a_wide_screen_the_name_of_the_product_is_aligned_with_the_page(page: Page, ids: dict[str, str]) -> None:
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.goto("/console/segments")

    assert abs(box(page.locator(".brand"))["x"] - box(page.locator("h1"))["x"]) <= 8


def test_a_chart_of_a_minute_labels_no_instant_twice(page: Page, console: Console, ids: dict[str, str]) -> None:
    tab = page.context.new_page()
    tab.add_init_script(f"({DRAWN})()")
    tab.goto(f"/console/segments/{ids['static']}/history")
    expect(tab.locator("#sizes .chart canvas")).to_be_visible()

    instants = tab.evaluate("window.drawn.filter(text => text.includes(':'))")
    assert len(instants) == len(set(instants)), instants
    assert NEWSLETTER in tab.title()


def test_a_switch_is_seen_where_the_system_chooses_the_colours(page: Page, ids: dict[str, str]) -> None:
    page.emulate_media(forced_colors="active")
    page.goto("/console/segments/new")
    switch = page.locator("#dynamic")

    off = switch.screenshot()
    switch.evaluate("box => { box.checked = true; }")
    on = switch.screenshot()
    switch.evaluate("box => { box.style.opacity = 0; }")
    assert len({off, on, switch.screenshot()}) == 3


def test_a_word_without_an_end_stays_within_the_screen(page: Page, endless: tuple[str, str]) -> None:
    segment, customer = endless
    one = f"/segments/{segment}"
    of_segment = [f"{one}/{name}" for name in ("edit", "manage", "customers", "history", "delete")]
    of_customer = [f"{one}/customers/{customer}/why", f"/customers/{customer}/edit"]
    for path in ["/segments", "/campaigns", *of_segment, *of_customer]:
        page.goto("/console" + path)
        expect(page.locator("h1")).to_be_visible()
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 900})
            within_the_screen(page)


def box(locator: Locator) -> FloatRect:
    found = locator.bounding_box()
    assert found is not None
    return found


def bottom(locator: Locator) -> float:
    found = box(locator)
    return found["y"] + found["height"]
