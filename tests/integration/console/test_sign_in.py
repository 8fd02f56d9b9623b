"""Signing in to the console by password: how long it lasts, and who is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx import Client, Response

from api.console.web.passwords import Passwords
from api.console.web.session import COOKIE
from projections.records import people
from tests.support.clock import Clock
from tests.support.console.console import EMAIL, PASSWORD, is_in, rows, sign_in
from tests.support.installation import FROM_OUR_PAGE, Installation

pytestmark = pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))


def test_without_a_session_the_browser_is_sent_to_the_sign_in_page_and_then_back(ana: Any, browser: Client) -> None:
    wanted = "/console/segments?name=gold&rows=10"
    sent = browser.get(wanted)
    assert sent.status_code == 303
    form = browser.get(sent.headers["location"])
    assert form.status_code == 200
    assert 'value="/console/segments?name=gold&amp;rows=10"' in form.text
    entered = sign_in(browser, next=wanted)
    assert (entered.status_code, entered.headers["location"]) == (303, wanted)
    shown = browser.get(wanted)
    assert shown.status_code == 200
    assert "Ana" in shown.text
    assert browser.get("/console/sign-in").headers["location"] == "/console/overview"


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(browser: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testing/console/segments?name=a"}
    answer = browser.get("/console/segments", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/console/sign-in?next=%2Fconsole%2Fsegments%3Fname%3Da"
    evil = browser.get("/console/segments", headers=headers | {"HX-Current-URL": "http://testing//evil.example"})
    assert evil.headers["HX-Redirect"] == "/console/sign-in?next=%2Fconsole%2Foverview"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example/console/segments"])
def test_signing_in_never_leads_to_another_site(ana: Any, browser: Client, path: str) -> None:
    assert "evil" not in browser.get("/console/sign-in", params={"next": path}).text
    assert sign_in(browser, next=path).headers["location"] == "/console/overview"
    again = browser.get("/console/sign-in", params={"next": path})
    assert (again.status_code, again.headers["location"]) == (303, "/console/overview")


@pytest.mark.parametrize("email", [EMAIL, "ana@EXAMPLE.com", f"  {EMAIL} "])
def test_the_e_mail_address_ignores_case(ana: Any, browser: Client, email: str) -> None:
    assert sign_in(browser, email=email).status_code == 303
    assert is_in(browser)


def test_a_wrong_password_an_unknown_address_and_one_without_password_get_the_same_answer(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client
) -> None:
    people.add(installation.database, ana[0], name="Bob", email="bob@example.com", now=installation.now())
    answers = [
        sign_in(browser, "wrong password"),
        sign_in(browser, email="nobody@example.com"),
        sign_in(browser, email="bob@example.com"),
    ]
    for answer, email in zip(answers, [EMAIL, "nobody@example.com", "bob@example.com"], strict=True):
        assert answer.status_code == 422
        assert "or the password is wrong" in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert COOKIE not in answer.cookies
        assert answer.text.replace(email, "…") == answers[0].text.replace(EMAIL, "…")
    assert not is_in(browser)


@pytest.mark.parametrize("sent", [{}, {"email": EMAIL}, {"password": "x"}, {"email": "\x00", "password": "\x00"}])
def test_a_form_that_lacks_something_says_what(browser: Client, sent: dict[str, str]) -> None:
    answer = browser.post("/console/sign-in", data=sent)
    assert answer.status_code == 422
    assert "Enter your" in answer.text


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_too_large_form_is_refused_before_it_is_stored(installation: Installation, kind: str, whole: bool) -> None:
    head = (
        b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\n' if kind[-1] == "x" else b"email="
    )
    pieces = [head, *[b"a" * 65_536] * 40]
    with installation.open_api(max_body=1 << 20, max_import=1 << 20) as client:
        headers = FROM_OUR_PAGE | {"Content-Type": kind}
        body = b"".join(pieces) if whole else iter(pieces)
        answer = client.post("/console/sign-in", content=body, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert "At most 1," in answer.text


def test_after_five_wrong_passwords_even_the_right_one_waits_for_a_quarter_of_an_hour(
    ana: Any, browser: Client, clock: Clock
) -> None:
    for _ in range(5):
        assert sign_in(browser, "wrong password").status_code == 422
    for email in (EMAIL, EMAIL.upper()):
        refused = sign_in(browser, email=email)
        assert refused.status_code == 429
        assert "Try again in 15 minutes" in refused.text.replace("16 minutes", "15 minutes")
        assert int(refused.headers["Retry-After"]) >= 15 * 60
    assert sign_in(browser, email="other@example.com").status_code == 422
    clock.passes(minutes=14, seconds=59)
    assert "Try again in 1 minute." in sign_in(browser).text
    clock.passes(seconds=2)
    assert sign_in(browser).status_code == 303


def test_five_attempts_within_any_quarter_of_an_hour_count_and_a_success_resets_them(
    ana: Any, browser: Client, clock: Clock
) -> None:
    for _ in range(4):
        assert sign_in(browser, "wrong password").status_code == 422
        clock.passes(minutes=4)
    # The first of the four is 16 minutes old.
    assert [sign_in(browser, "wrong password").status_code for _ in range(2)] == [422, 422]
    assert sign_in(browser).status_code == 429
    clock.passes(minutes=15, seconds=1)
    for _ in range(3):
        assert [sign_in(browser, "wrong password").status_code for _ in range(4)] == [422] * 4
        assert sign_in(browser).status_code == 303


def test_one_password_tried_on_many_addresses_is_refused_after_twenty_failures_of_a_network(
    ana: Any, browser: Client, clock: Clock
) -> None:
    assert [spray(browser, n).status_code for n in range(19)] == [422] * 19
    assert [sign_in(browser).status_code for _ in range(3)] == [303] * 3, "a success is not counted"
    assert [spray(browser, n).status_code for n in range(19, 22)] == [422, 429, 429]
    refused = sign_in(browser)
    assert refused.status_code == 429
    assert "Too many failed attempts from your network" in refused.text
    assert int(refused.headers["Retry-After"]) >= 15 * 60
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    browser.headers.update(elsewhere)
    assert sign_in(browser).status_code == 303, "no one else is locked out"
    del browser.headers["X-Forwarded-For"]
    clock.passes(minutes=15, seconds=1)
    assert sign_in(browser).status_code == 303


def test_neighbours_in_a_network_of_version_6_are_one(ana: Any, browser: Client) -> None:
    for number in range(20):
        browser.headers["X-Forwarded-For"] = f"2001:db8:1:2::{number:x}"
        assert spray(browser, number).status_code == 422
    assert spray(browser, 99).status_code == 429
    browser.headers["X-Forwarded-For"] = "2001:db8:1:3::1"
    assert sign_in(browser).status_code == 303


def test_when_many_networks_fail_each_has_fewer_attempts_and_none_is_refused_for_others(
    ana: Any, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.web.attempts.ATTACK", 12)
    statuses = []
    for number in range(40):
        browser.headers["X-Forwarded-For"] = f"198.51.100.{number % 4}"
        statuses.append(spray(browser, number).status_code)
    assert statuses[:20] == [422] * 20
    assert statuses[24:] == [429] * 16
    browser.headers["X-Forwarded-For"] = "203.0.113.9"
    assert sign_in(browser).status_code == 303


def spray(browser: Client, number: int) -> Response:
    return sign_in(browser, "Summer2026!", f"person{number}@example.com")


def test_every_process_of_the_api_counts_the_same_attempts(
    installation: Installation, ana: Any, browser: Client
) -> None:
    with installation.open_api() as other:
        other.headers.update(FROM_OUR_PAGE)
        for each in (browser, other, browser, other, browser):
            assert sign_in(each, "wrong password").status_code == 422
        assert sign_in(other).status_code == 429


def test_the_cookie_is_for_the_console_only_and_not_for_scripts(ana: Any, browser: Client) -> None:
    plain = sign_in(browser).headers["set-cookie"]
    parts = {part.strip().lower() for part in plain.split(";")}
    assert {"httponly", "samesite=lax", "path=/console", f"max-age={30 * 24 * 3600}"} <= parts
    assert "secure" not in parts
    secure = browser.post(
        "/console/sign-in", data={"email": EMAIL, "password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "secure" in {part.strip().lower() for part in secure.headers["set-cookie"].split(";")}


def test_only_hashes_of_tokens_are_stored(installation: Installation, ana: Any, browser: Client) -> None:
    sign_in(browser)
    token = browser.cookies[COOKIE]
    assert len(token) >= 43
    with installation.owner() as owner:
        stored = str(owner.execute("SELECT s, p FROM rollcall.sessions s, rollcall.people p").fetchall())
    assert token not in stored
    assert PASSWORD not in stored


def test_signing_out_ends_the_session_and_not_only_the_cookie(
    installation: Installation, ana: Any, browser: Client
) -> None:
    sign_in(browser)
    token = browser.cookies[COOKIE]
    answer = browser.post("/console/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, token)
    assert not is_in(browser)
    assert rows(installation, "sessions") == 0
    assert browser.post("/console/sign-out").status_code == 303
    assert browser.get("/console/sign-out").status_code == 405


def test_a_session_ends_seven_days_after_its_last_use_and_thirty_after_its_first(
    ana: Any, browser: Client, clock: Clock
) -> None:
    sign_in(browser)
    clock.passes(days=6, hours=23)
    assert is_in(browser)
    clock.passes(days=7, seconds=1)
    assert not is_in(browser)
    sign_in(browser)
    for _ in range(5):
        clock.passes(days=5, hours=23)
        assert is_in(browser)
    clock.passes(hours=4, minutes=59)
    assert is_in(browser)
    clock.passes(minutes=1)
    assert not is_in(browser)


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 5_000, "%00", "' OR 1=1"])
def test_an_unknown_token_has_no_session(ana: Any, browser: Client, token: str) -> None:
    headers = {b"Cookie": f"{COOKIE}={token}".encode()}
    assert browser.get("/console/segments", headers=headers).status_code == 303


def test_an_outdated_hash_is_replaced_when_its_password_is_known(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client
) -> None:
    before = people.password_hash(installation.database, *ana)
    sign_in(browser)
    after = people.password_hash(installation.database, *ana)
    assert before != after
    assert after is not None
    assert not Passwords().needs_rehash(after)
    browser.cookies.clear()
    assert sign_in(browser).status_code == 303
    assert people.password_hash(installation.database, *ana) == after


def test_without_an_account_people_sessions_links_and_attempts_cannot_be_read(
    installation: Installation, ana: tuple[UUID, UUID], browser: Client
) -> None:
    installation.link(ana[1], ana[0])
    sign_in(browser, "wrong password", "x@example.com")
    sign_in(browser)
    # The attempts of an address, and those of a network.
    counts = {"people": 1, "sessions": 1, "sign_in_links": 1, "sign_in_attempts": 2}
    assert {table: rows(installation, table) for table in counts} == counts
    theirs = installation.account("theirs")
    with installation.database.transaction(theirs) as connection:
        for table in ("people", "sessions", "sign_in_links"):
            assert connection.execute(f"SELECT * FROM rollcall.{table}").fetchall() == []
        permitted = connection.execute("SELECT has_table_privilege('rollcall.sign_in_attempts', 'SELECT')").fetchone()
        assert permitted == (False,)
