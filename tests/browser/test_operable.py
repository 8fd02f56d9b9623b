"""Every page and dialog of the console without a mouse, and on the narrowest screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.keyboard import tabbed_through
from tests.support.browser.looking import labels_sticking_out, within_the_screen
from tests.support.browser.sights import MENUS, SIGHTS, Sight, name_of, target

DIALOGS = [sight for sight in SIGHTS if sight.opens_dialog]


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_everything_is_reached_by_tab_and_one_sees_where_one_is(eyes: Page, ids: dict[str, str], sight: Sight) -> None:
    sight.open(eyes, ids)
    tabbed_through(eyes)


@pytest.mark.parametrize("sight", SIGHTS, ids=name_of)
def test_nothing_scrolls_sideways_and_no_label_lies_over_another_at_320_pixels(
    eyes: Page, ids: dict[str, str], sight: Sight
) -> None:
    eyes.set_viewport_size({"width": 320, "height": 700})
    sight.open(eyes, ids)
    within_the_screen(eyes)
    assert labels_sticking_out(eyes) == []


@pytest.mark.parametrize("sight", DIALOGS, ids=name_of)
def test_a_dialog_opens_by_enter_leaves_by_escape_one_at_a_time_and_gives_the_focus_back(
    eyes: Page, ids: dict[str, str], sight: Sight
) -> None:
    sight.open(eyes, ids, press=lambda place: place.press("Enter"))
    dialog = eyes.get_by_role("dialog")
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    within = [step for step in sight.steps if not step.startswith(MENUS)]
    for step in reversed(within[1:]):
        eyes.keyboard.press("Escape")
        expect(target(eyes, step.format(**ids))).to_be_focused()
    eyes.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(target(eyes, sight.steps[0].format(**ids))).to_be_focused()
