"""One-time links into the console: they work once and for a day; and many attempts at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from httpx import Client

from api.console.web.session import COOKIE
from projections.records import people
from tests.support.clock import Clock
from tests.support.console.console import is_in, rows, sign_in
from tests.support.installation import Installation

pytestmark = pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))


def test_a_one_time_link_signs_in_once(installation: Installation, ana: tuple[UUID, UUID], browser: Client) -> None:
    link = installation.link(ana[1], ana[0])
    shown = browser.get(link)
    assert (shown.status_code, COOKIE in shown.cookies) == (200, False)
    assert "Sign in as Ana" in shown.text
    entered = browser.post(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/console/overview")
    assert is_in(browser)
    browser.cookies.clear()
    again = browser.post(link)
    assert (again.status_code, browser.get(link).status_code) == (410, 410)
    assert "rollcall person link" in again.text
    assert again.headers["content-type"].startswith("text/html")
    assert not is_in(browser)


def test_a_link_opened_many_times_at_once_signs_in_once(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client
) -> None:
    link = installation.link(ana[1], ana[0])
    with ThreadPoolExecutor(8) as crowd:
        statuses = list(crowd.map(lambda _: browser.post(link).status_code, range(16)))
    assert sorted(statuses) == [303] + [410] * 15
    assert rows(installation, "sessions") == 1


def test_concurrent_attempts_are_counted_like_sequential_ones(ana: tuple[UUID, UUID], browser: Client) -> None:
    with ThreadPoolExecutor(8) as crowd:
        statuses = list(crowd.map(lambda _: sign_in(browser, "wrong password").status_code, range(16)))
    assert sorted(statuses) == [422] * 5 + [429] * 11


def test_a_one_time_link_works_for_a_day(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client, clock: Clock
) -> None:
    first, second = installation.link(ana[1], ana[0]), installation.link(ana[1], ana[0])
    clock.passes(hours=23, minutes=59)
    assert browser.post(first).status_code == 303
    browser.cookies.clear()
    clock.passes(minutes=1)
    assert browser.post(second).status_code == 410
    assert not is_in(browser)
    installation.link(ana[1], ana[0])
    assert rows(installation, "sign_in_links") == 1


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("HEAD", {}, 405),
        ("OPTIONS", {}, 405),
        ("GET", {"Sec-Purpose": "prefetch"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", {"User-Agent": "MailScanner"}, 200),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "none"}, 403),
    ],
)
def test_only_the_button_of_its_page_uses_a_link_up(
    installation: Installation,
    ana: tuple[UUID, UUID],
    browser: Client,
    method: str,
    headers: dict[str, str],
    status: int,
) -> None:
    link = installation.link(ana[1], ana[0])
    looked = browser.request(method, link, headers=headers)
    assert looked.status_code == status
    assert COOKIE not in looked.cookies
    assert browser.post(link).status_code == 303


def test_a_password_form_of_another_site_signs_no_one_in(ana: tuple[UUID, UUID], browser: Client) -> None:
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert sign_in(browser).status_code == 403
    assert not browser.cookies


def test_an_invited_person_first_chooses_a_password(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client
) -> None:
    bob = people.add(installation.database, ana[0], name="Bob", email="bob@example.com", now=installation.now())
    assert browser.post(installation.link(bob, ana[0])).headers["location"] == "/console/you"
