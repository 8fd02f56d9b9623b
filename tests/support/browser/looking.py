"""What is wrong with a page by axe's rules, in both colour schemes, and on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "browser/vendor/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules whose answer changes with the colour scheme.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RUN = """async ([place, only]) => (await axe.run(document.querySelector(place) ?? document,
  {runOnly: only, resultTypes: ['violations']})).violations"""
DIALOG = "dialog:modal"

# The page, or the dialog on it, is as wide as the screen; if it is not: what sticks out.
WIDER = """() => [document.documentElement, document.querySelector("dialog:modal")].flatMap(place => {
  if (!place || place.scrollWidth <= place.clientWidth) return [];
  const edge = place.getBoundingClientRect().left + place.clientWidth;
  const wide = [...place.querySelectorAll("*")].filter(each => each.getBoundingClientRect().right > edge + 1);
  return [`${place.scrollWidth} of ${place.clientWidth} pixels`, ...wide.map(each => each.outerHTML.slice(0, 160))];
})"""

# Where a table's cells stand beneath each other, each with its label: those out of which the label sticks.
BURSTING = """() => [...document.querySelectorAll("td[data-label]")]
  .filter(cell => cell.scrollHeight > cell.clientHeight + 1)
  .map(cell => `${cell.dataset.label}: ${cell.scrollHeight} pixels in ${cell.clientHeight}`)"""


@cache
def _axe() -> str:
    return AXE.read_text()


def findings(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is, a line each."""
    return _run(page, "html", RULES)


def colour_findings(page: Page) -> list[str]:
    """What axe finds wrong with its colours, a line each: with those of the dialog, where one covers the page."""
    return _run(page, DIALOG, {"type": "rule", "values": OF_COLOURS})


def _run(page: Page, place: str, only: object) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    return list(_lines(page.evaluate(RUN, [place, only])))


def accessible(page: Page) -> None:
    """Fail with what axe finds, in light and in dark."""
    found = findings(page) + dark_findings(page)
    assert not found, f"{page.url}\n" + "\n".join(found)


def wider_than_the_screen(page: Page) -> list[str]:
    """What makes the page, or the dialog on it, scroll sideways."""
    found: list[str] = page.evaluate(WIDER)
    return found


def within_the_screen(page: Page) -> None:
    """Fail with what makes the page scroll sideways."""
    found = wider_than_the_screen(page)
    assert not found, f"{page.url}\n" + "\n".join(found[:12])


def labels_sticking_out(page: Page) -> list[str]:
    """The labels that cover what is beneath them."""
    found: list[str] = page.evaluate(BURSTING)
    return found


def dark_findings(page: Page) -> list[str]:
    """What axe finds wrong with the page in the dark, a line each; the other rules answer as in the light."""
    page.emulate_media(color_scheme="dark")
    found = colour_findings(page)
    page.emulate_media(color_scheme="light")
    return [f"dark: {each}" for each in found]


def _lines(violations: list[dict[str, Any]]) -> Iterator[str]:
    for violation in violations:
        for node in violation["nodes"]:
            place = " ".join(str(part) for part in node["target"])
            why = " ".join(node["failureSummary"].split())
            yield f"{violation['id']} ({violation['impact']}): {place}: {why}\n    {node['html'][:300]}"
