"""The pages that people look at, in a real browser: when the main content of each is painted, and counts while typing.

First paint of the main content: the largest paint of what comes with the page, from the beginning of the navigation, in
a browser that has the styles and scripts already. Parts that a page requests after itself show their progress and do
not count. While typing: from the last key until what it asks for is shown, the pause after
which the page asks (250 or 300 ms) included.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from httpx import Client
from playwright.sync_api import Page

from tests.performance.console.cases import GOLD, RARE
from tests.performance.console.crowd import Crowd
from tests.performance.stage import say
from tests.support.browser.chromium import LEFT_OUT, browser_of, chromium

TRIES, MOST_PAINT, MOST_TYPING = 9, 300, 500
PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const paints = list.getEntries().map((each) => each.startTime);
    const loaded = performance.getEntriesByType("navigation")[0].loadEventEnd;
    resolve(paints.filter((at) => at <= loaded).at(-1) ?? paints[0]);
  }).observe({ type: "largest-contentful-paint", buffered: true });
})"""
# From the last key until the part of the page was replaced.
SHOWN = """async ([part, text]) => {
  const input = document.activeElement;
  const began = performance.now();
  const shown = new Promise((resolve) => document.addEventListener("htmx:after:swap", (event) => {
    if (document.querySelector(part)) requestAnimationFrame(() => resolve(performance.now() - began));
  }));
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return shown;
}"""


def run(crowd: Crowd, client: Client) -> None:
    """Print the median and the worst first paint of each page, and of what is typed."""
    program = chromium()
    if program is None:
        say(f"  first paints left out: {LEFT_OUT}")
        return
    with browser_of(program) as browser:
        context = browser.new_context(base_url=str(client.base_url), viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": str(client.base_url)}
                             for name, value in client.cookies.items()])  # fmt: skip
        page = context.new_page()
        say(f"\n  In a browser, {TRIES} times each, ms")
        slow = [
            label for label, address in _addresses(crowd).items()
            if _say(label, [_painted(page, address) for _ in range(TRIES)], MOST_PAINT)
        ]  # fmt: skip
        slow += [
            label for label, typing in _typed(crowd).items()
            if _say(label, [typing(page, number) for number in range(TRIES)], MOST_TYPING)
        ]  # fmt: skip
        say(f"  over {MOST_PAINT} ms to the first paint or {MOST_TYPING} ms while typing: {', '.join(slow) or 'none'}")
        context.close()


def _addresses(crowd: Crowd) -> dict[str, str]:
    largest, busy = f"/segments/{crowd.everybody}", f"/segments/{crowd.busy}"
    return {
        "Overview": "/overview",
        "Segments": "/segments",
        "Segments, 100 rows": "/segments?rows=100",
        "Segments by members": "/segments?sort=-members",
        "A segment of a million": f"{largest}/manage",
        "A list of half a million": f"/segments/{crowd.static}/manage",
        "Create Segment": "/segments/new",
        "Edit, a million members": f"{largest}/edit",
        "History, 2 million flips": f"{busy}/history",
        "Versions": f"{largest}/versions",
        "Add to a list, a million candidates": f"/segments/{crowd.small_static}/add",
        "Campaigns": "/campaigns",
        "A campaign": f"/campaigns/{crowd.campaign}",
        "A campaign to a million": f"/campaigns/{crowd.to_everybody}",
        "A campaign of 20 segments of 200,000": f"/campaigns/{crowd.to_twenty}",
        "Edit Campaign": f"/campaigns/{crowd.campaign}/edit",
        "Frozen audiences": "/audiences",
        "A frozen audience": f"/audiences/{crowd.audience}",
        "Two audiences compared": f"/audiences/{crowd.later}/compare",
        "Customers": "/customers",
        "Customers by a filter": f"/customers?filter={GOLD}",
        "Customers by a filter of hardly anybody": f"/customers?filter={RARE}",
        "Customers by a word of the oldest": "/customers?query=pioneer",
        "A segment of a million, by a word of the oldest": f"{largest}/manage?query=pioneer",
        "A customer": f"/customers/{crowd.customer}",
        "Attributes": "/attributes",
        "API keys": "/keys",
        "People": "/people",
        "Webhooks": "/webhooks",
        "Health": "/health",
    }


def _typed(crowd: Crowd) -> dict[str, Callable[[Page, int], float]]:
    def search(address: str, field: str, part: str) -> Callable[[Page, int], float]:
        def typing(page: Page, number: int) -> float:
            page.goto(f"/console{address}")
            _settle(page)
            page.locator(field).focus()
            return _shown(page, part, f"ana {number}")

        return typing

    def preview(page: Page, number: int) -> float:
        """The count of an edited filter, of all customers, with what the edit would change."""
        page.goto(f"/console/segments/{crowd.busy}/edit")
        page.wait_for_selector("#matches:not(.htmx-request) :text-matches('[0-9]')")
        page.locator("#builder :is(select, input):visible").last.focus()
        return _shown(page, "#matches", str(number))

    return {
        "Segments, a name typed": search("/segments", "#name", "#list"),
        "Customers, a name typed": search("/customers", "form.search input[type=search]", "#found"),
        "Members, a name typed": search(
            f"/segments/{crowd.everybody}/manage", "form.search input[type=search]", "#members"
        ),
        "Create Campaign, a segment typed": search(
            "/campaigns/new", "#segments input[type=search]", "#segments-choices"
        ),
        "Edit Segment, the count of a filter": preview,
    }


def _painted(page: Page, address: str) -> float:
    answer = page.goto(f"/console{address}")
    assert answer is not None
    assert answer.ok, (address, answer.status)
    painted = float(page.evaluate(PAINTED))
    _settle(page)
    return painted


def _settle(page: Page) -> None:
    """Wait for what the page requests after itself, which would hold up what comes next."""
    page.wait_for_function("() => !document.querySelector('.htmx-request')", timeout=60_000)


def _shown(page: Page, part: str, text: str) -> float:
    found: Any = page.evaluate(SHOWN, [part, text])
    return float(found)


def _say(label: str, times: list[float], most: int) -> bool:
    """Print a line. Returns whether it took too long."""
    over = median(times) > most
    say(f"  {label:<60} median {median(times):7.1f}   worst {max(times):7.1f}{'   TOO SLOW' if over else ''}")
    return over
