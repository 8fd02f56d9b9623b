"""The chromium of this machine, driven by Playwright; never one that was downloaded for the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

VARIABLE = "ROLLCALL_TEST_CHROMIUM"
# The first has no windows to take care of, and takes a fifth less of the processors.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFT_OUT = "no chromium found; install Debian's package chromium"
# It runs as root, in small containers, and in networks without a way out.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> Path | None:
    """The program, or `None` where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        assert Path(named).is_file(), f"{VARIABLE} names {named!r}, where there is no program"
        return Path(named)
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser_of(program: Path) -> Iterator[Browser]:
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
