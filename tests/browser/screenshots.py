"""Pictures of every page and dialog of the console, for people who look at its design; and the one in the README.

Run as `python -m tests.browser.screenshots FOLDER [NAME …]`. Starts `rollcall up --demo`, adds some of everything to
it, and takes each of `sights.SIGHTS` (those whose names contain a NAME, if any is given) in light and dark, at the
widths of `WIDTHS` or those after `--widths`. With `--readme` in place of a folder, it takes the README's picture anew.
"""

from __future__ import annotations

import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.browser.chromium import LEFT_OUT, browser_of, chromium
from tests.support.browser.console import DEFAULT_ACCOUNT, Console, without_kafka
from tests.support.browser.scenery import furnish
from tests.support.browser.sights import SIGHTS, Sight

WIDTHS = (320, 390, 1440, 2560)
HEIGHTS = {320: 700, 390: 844, 2560: 1440}
FILLED = 2_000  # customers of the demo account
README = Path(__file__).parents[2] / "deploy/docs/console.png"
SHOWN = "Win back"  # a segment of the demo account, with a campaign and a group of conditions


def main() -> None:
    """Take the pictures; print where each is."""
    asked = ArgumentParser(prog="python -m tests.browser.screenshots")
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("names", nargs="*", help="parts of the names of sights; all, if none is given")
    asked.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    asked.add_argument("--readme", action="store_true", help="take the picture in the README anew")
    arguments = asked.parse_args()
    with _demo() as (browser, console):
        if arguments.readme:
            print(_for_readme(browser, console))
        if arguments.folder is not None:
            arguments.folder.mkdir(parents=True, exist_ok=True)
            console.declare()
            ids = furnish(console)
            for sight in SIGHTS:
                if not arguments.names or any(name in sight.name for name in arguments.names):
                    _take(browser, console, sight, ids, arguments.widths, arguments.folder)


@contextmanager
def _demo() -> Iterator[tuple[Browser, Console]]:
    """A browser, and the demo account with its owner signed in, once its customers are there."""
    program = chromium()
    assert program, LEFT_OUT
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-screenshots-") as home,
        browser_of(program) as browser,
        without_kafka(Path(home) / "home", "--demo") as product,
    ):
        console = Console(product, DEFAULT_ACCOUNT, product.http, product.said["console"])
        while console.ok("GET", "/v1/customers?limit=1&include=total")["total"] < FILLED:
            time.sleep(0.2)
        console.sign_in(browser)
        console.wait_until_visible()
        yield browser, console


def _take(
    browser: Browser, console: Console, sight: Sight, ids: dict[str, str], widths: Sequence[int], folder: Path
) -> None:
    for width in widths:
        context = browser.new_context(
            base_url=console.url,
            storage_state=console.session if sight.signed_in else None,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            reduced_motion="reduce",
        )
        page = context.new_page()
        try:
            sight.open(page, ids)
            whole = not sight.steps and not sight.clicked
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                print(_picture(page, folder / f"{sight.name}-{width}-{scheme}.png", whole=whole))
        finally:
            context.close()


def _picture(page: Page, path: Path, *, whole: bool) -> Path:
    page.wait_for_timeout(150)  # a chart redraws when the scheme changes
    page.screenshot(path=path, full_page=whole)
    return path


def _for_readme(browser: Browser, console: Console) -> Path:
    """The form of a segment with its live count: what the product does, in one picture."""
    (segment,) = [each["id"] for each in console.ok("GET", "/v1/segments?limit=200")["data"] if each["name"] == SHOWN]
    context = browser.new_context(
        base_url=console.url, storage_state=console.session, viewport={"width": 1280, "height": 800},
        device_scale_factor=1.5, reduced_motion="reduce", color_scheme="light",
    )  # fmt: skip
    page = context.new_page()
    try:
        page.goto(f"/console/segments/{segment}/edit")
        expect(page.locator("#matches-sample")).to_be_visible()
        return _picture(page, README, whole=False)
    finally:
        context.close()


if __name__ == "__main__":
    main()
