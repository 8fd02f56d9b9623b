"""A page gone through by the Tab key: what it cannot reach, where the focus is not visible; and a person who types."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

MOST_STOPS = 600
AT_ONCE = 8  # how many times Tab is pressed between two looks at what was noted
# Notes where each Tab leads. A modal dialog holds the focus; around its end, the browser itself has it for a moment.
NOTE = """() => {
  window.visited = [];
  window.unseen = [];
  window.round = false;
  window.noteTab?.abort();
  window.noteTab = new AbortController();
  addEventListener("keyup", event => {
    const here = document.activeElement;
    if (event.key !== "Tab" || !here || here === document.body || window.round) return;
    if (window.visited.at(-1) === here) return; // a date has several stops inside
    if (window.visited.includes(here)) {
      window.round = true;
      return;
    }
    window.visited.push(here);
    const style = getComputedStyle(here), box = here.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    const onScreen = box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth;
    if (!outlined || !onScreen) window.unseen.push(here.outerHTML.slice(0, 160));
  }, {capture: true, signal: window.noteTab.signal});
}"""
NOT_VISITED = """() => {
  const modal = document.querySelector("dialog:modal");
  const operable = ["a[href]", "button:enabled", "input:enabled:not([type=hidden])", "select:enabled",
    "textarea:enabled", "summary"].join();
  const reached = place => window.visited.includes(place) || (place.type === "radio"
    && window.visited.some(other => other.type === "radio" && other.name === place.name && other.form === place.form));
  return [...(modal ?? document).querySelectorAll(operable)]
    .filter(place => place.tabIndex >= 0 && place.checkVisibility({visibilityProperty: true}) && !reached(place))
    .map(place => place.outerHTML.slice(0, 160));
}"""

REACHED = "place => place.isConnected ? place === document.activeElement : null"


@dataclass(frozen=True, slots=True)
class Journey:
    """What is wrong with a way through a page by the Tab key."""

    unseen: list[str]
    unreached: list[str]


def tab_through(page: Page) -> Journey:
    """Press Tab until the way begins again."""
    page.evaluate(NOTE)
    for _ in range(0, MOST_STOPS, AT_ONCE):
        for _ in range(AT_ONCE):
            page.keyboard.press("Tab")
        if page.evaluate("window.round"):
            return Journey(page.evaluate("window.unseen"), page.evaluate(NOT_VISITED))
    raise AssertionError(f"the way through {page.url} by the Tab key does not end")


def focus_is_in_dialog(page: Page) -> bool:
    """Returns whether the open dialog has the focus."""
    return bool(page.get_by_role("dialog").evaluate("dialog => dialog.contains(document.activeElement)"))


class Typist:
    """A person who has nothing but a keyboard: what the Tab key does not lead to is not there."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._keyboard = page.keyboard

    def to(self, place: Locator) -> None:
        """Press Tab until the place has the focus."""
        expect(place).to_be_visible()
        found = place.element_handle()
        for _ in range(MOST_STOPS):
            reached = found.evaluate(REACHED)
            if reached:
                return
            if reached is None:  # the page showed it anew
                found = place.element_handle()
            else:
                self._keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {place} at {self._page.url}")

    def press(self, place: Locator, key: str = "Enter") -> None:
        """Go there and press a key."""
        self.to(place)
        self._keyboard.press(key)

    def type(self, place: Locator, text: str, *keys: str) -> None:
        """Go there, type, and press keys afterwards."""
        self.to(place)
        self._keyboard.type(text)
        for key in keys:
            self._keyboard.press(key)
