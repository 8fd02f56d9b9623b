"""Pictures of every page and dialog of the console, for people who look at its design.

Run as `python -m tests.support.browser.screenshots FOLDER [NAME …]`. Starts `rollcall up --demo`, adds some of
everything to it, and takes each of `sights.SIGHTS` (those whose names contain a NAME, if any is given) in light and
dark at four widths.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support.browser.chromium import LEFT_OUT, browser_of, chromium
from tests.support.browser.console import DEFAULT_ACCOUNT, Console, without_kafka
from tests.support.browser.scenery import furnish
from tests.support.browser.sights import SIGHTS, Sight

WIDTHS = (320, 768, 1280, 2560)
HEIGHTS = {320: 700, 2560: 1440}
FILLED = 2_000  # customers of the demo account


def main(folder: Path, names: list[str]) -> None:
    """Take the pictures; print where each is."""
    program = chromium()
    assert program, LEFT_OUT
    folder.mkdir(parents=True, exist_ok=True)
    sights = [sight for sight in SIGHTS if not names or any(name in sight.name for name in names)]
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-screenshots-") as home,
        browser_of(program) as browser,
        without_kafka(Path(home) / "home", "--demo") as product,
    ):
        console = Console(product, DEFAULT_ACCOUNT, product.http, product.said["console"])
        while console.ok("GET", "/v1/customers?limit=1&include=total")["total"] < FILLED:
            time.sleep(0.2)
        console.declare()
        console.sign_in(browser)
        ids = furnish(console)
        for sight in sights:
            for width in WIDTHS:
                _take(browser, console, sight, ids, width, folder)


def _take(browser: Browser, console: Console, sight: Sight, ids: dict[str, str], width: int, folder: Path) -> None:
    context = browser.new_context(
        base_url=console.url,
        storage_state=console.session if sight.signed_in else None,
        viewport={"width": width, "height": HEIGHTS.get(width, 900)},
        reduced_motion="reduce",
    )
    page = context.new_page()
    try:
        sight.open(page, ids)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            print(_picture(page, folder / f"{sight.name}-{width}-{scheme}.png", whole=not sight.steps))
    finally:
        context.close()


def _picture(page: Page, path: Path, *, whole: bool) -> Path:
    page.wait_for_timeout(150)  # a chart redraws when the scheme changes
    page.screenshot(path=path, full_page=whole)
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
