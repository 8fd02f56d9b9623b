"""A page gone through by the Tab key: what cannot be reached, and where the focus is not visible."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

MOST_STOPS = 600
# Where the focus is now. A modal dialog holds the focus; around its end, the browser itself has it for a moment.
HERE = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  window.visited ??= [];
  const again = window.visited.includes(here), same = window.visited.at(-1) === here;
  if (!again) window.visited.push(here);
  const style = getComputedStyle(here), box = here.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const onScreen = box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight
    && box.right > 0 && box.left < innerWidth;
  return {again, same, seen: outlined && onScreen, what: here.outerHTML.slice(0, 160)};
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


@dataclass(frozen=True, slots=True)
class Journey:
    """What is wrong with a way through a page by the Tab key."""

    unseen: list[str]
    unreached: list[str]


def tab_through(page: Page) -> Journey:
    """Press Tab until the way begins again."""
    page.evaluate("window.visited = []")
    unseen: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here is None or here["same"]:  # a date has several stops inside
            continue
        if here["again"]:
            return Journey(unseen, page.evaluate(NOT_VISITED))
        if not here["seen"]:
            unseen.append(here["what"])
    raise AssertionError(f"the way through {page.url} by the Tab key does not end")


def focus_is_in_dialog(page: Page) -> bool:
    """Returns whether the open dialog has the focus."""
    return bool(page.get_by_role("dialog").evaluate("dialog => dialog.contains(document.activeElement)"))
