"""Who may use the console: adding people, removing them, and each person's own page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from api.console.web.session import COOKIE
from projections.records import people
from tests.support.clock import Clock
from tests.support.console.console import EMAIL, PASSWORD, Aside, is_in, rows, sign_in
from tests.support.installation import FROM_OUR_PAGE, Installation

Ana = tuple[UUID, UUID]  # the account and the person
pytestmark = pytest.mark.starts_at(datetime(2026, 5, 20, 10, tzinfo=UTC))

NEW = "other secret words"
PAGES = ["/console/people", "/console/people/new", "/console/you", "/console/people/{}/remove"]


@pytest.fixture
def anas(ana: Ana, browser: Client) -> Client:
    """The browser of Ana, who is signed in with a password."""
    assert sign_in(browser).status_code == 303
    return browser


@pytest.fixture
def other(installation: Installation) -> Iterator[Client]:
    """The browser of another person."""
    with installation.open_api() as client:
        client.headers.update(FROM_OUR_PAGE)
        yield client


def add(browser: Client, name: str, email: str) -> str:
    """Adds a person. Returns the path of the link that is shown."""
    answer = browser.post("/console/people/new", data={"name": name, "email": email})
    assert answer.status_code == 200, answer.text
    return link_on(answer.text)


def link_on(page: str) -> str:
    found = re.search(r'value="http://[^/"]+(/console/sign-in/[^"]+)"', page)
    assert found is not None
    return unescape(found.group(1))


def names(browser: Client) -> list[str]:
    page = browser.get("/console/people").text
    return sorted(name.strip() for name in re.findall(r'<th scope="row">([^<]+)', page))


def id_of(installation: Installation, account_id: UUID, email: str) -> UUID:
    row = people.find_by_email(installation.database, account_id, email)
    assert row is not None
    return row.person_id


def choose_password(browser: Client, password: str = NEW, **more: str) -> Any:
    return browser.post("/console/you/password", data={"password": password, "repeated": password, **more})


@pytest.mark.parametrize("page", PAGES)
def test_every_page_about_people_requires_a_session(installation: Installation, browser: Client, page: str) -> None:
    answer = browser.get(page.format(uuid4()))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=")


def test_an_added_person_opens_the_link_and_chooses_a_password(ana: Any, anas: Client, other: Client) -> None:
    link = add(anas, "Bob <i>", "bob@example.com")
    assert names(anas) == ["Ana", "Bob &lt;i&gt;"]
    assert "sign-in/" not in anas.get("/console/people").text
    assert other.post(link).headers["location"] == "/console/you"
    page = other.get("/console/you").text
    assert "You have no password yet" in page
    assert "Current password" not in page
    assert choose_password(other).status_code == 303
    assert "Your password was set" in other.get("/console/you").text
    assert is_in(other)
    other.cookies.clear()
    assert sign_in(other, NEW, "bob@example.com").status_code == 303
    assert is_in(other)


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({}, {"name", "email"}),
        ({"name": "Bob", "email": "bob"}, {"email"}),
        ({"name": " ", "email": "b@x.y"}, {"name"}),
        ({"name": "Bob\x00", "email": "b\x00@x.y"}, {"name", "email"}),
        ({"name": "Ana again", "email": EMAIL.upper()}, {"email"}),
    ],
)
def test_an_error_in_the_form_is_shown_beside_its_field(ana: Any, anas: Client, sent: Any, wrong: set[str]) -> None:
    answer = anas.post("/console/people/new", data=sent)
    assert answer.status_code == 422
    assert set(re.findall(r'<p class="error" id="(\w+)-error">', answer.text)) == wrong
    assert names(anas) == ["Ana"]


def test_an_invited_person_gets_another_link_and_one_with_a_password_does_not(
    installation: Installation, ana: Ana, anas: Client, other: Client
) -> None:
    add(anas, "Bob", "bob@example.com")
    bob = id_of(installation, ana[0], "bob@example.com")
    assert f"/console/people/{bob}/link" in anas.get("/console/people").text
    second = link_on(anas.post(f"/console/people/{bob}/link").text)
    assert other.post(second).status_code == 303
    choose_password(other)
    assert f"/console/people/{bob}/link" not in anas.get("/console/people").text
    refused = anas.post(f"/console/people/{bob}/link")
    assert refused.status_code == 409
    assert "rollcall person link" in refused.text


def test_a_removed_person_is_signed_out_and_their_links_and_password_stop_working(
    installation: Installation, ana: Ana, anas: Client, other: Client
) -> None:
    other.post(add(anas, "Bob", "bob@example.com"))
    choose_password(other)
    assert is_in(other)
    bob = id_of(installation, ana[0], "bob@example.com")
    link = installation.link(bob, ana[0])
    asked = anas.get(f"/console/people/{bob}/remove")
    assert "Remove Bob?" in asked.text
    assert is_in(other), "nothing happens before it is confirmed"
    gone = anas.post(f"/console/people/{bob}/remove")
    assert (gone.status_code, gone.headers["location"]) == (303, "/console/people")
    assert not is_in(other)
    assert other.post(link).status_code == 410
    assert sign_in(other, NEW, "bob@example.com").status_code == 422
    assert names(anas) == ["Ana"]
    assert anas.post(f"/console/people/{bob}/remove").status_code == 404
    with installation.owner() as owner:
        kept = str(owner.execute("SELECT p, s FROM rollcall.people p, rollcall.sessions s").fetchall())
    assert "bob@example.com" not in kept
    add(anas, "Bob again", "bob@example.com")


def test_no_one_can_remove_themselves_so_that_one_person_always_remains(
    installation: Installation, ana: Ana, anas: Client
) -> None:
    assert "This is you" in anas.get(f"/console/people/{ana[1]}/remove").text
    answer = anas.post(f"/console/people/{ana[1]}/remove")
    assert answer.status_code == 409
    assert "yourself" in answer.text
    assert is_in(anas)


def test_two_people_who_remove_each_other_at_once_leave_one(installation: Installation, ana: Ana) -> None:
    bob = people.add(installation.database, ana[0], name="Bob", email="bob@example.com", now=installation.now())
    with installation.database.transaction(ana[0], read_only=False) as first:
        # What removing Bob does before it commits.
        first.execute(people.SQL.lock_account, [str(ana[0])])
        first.execute(people.SQL.remove, {"account_id": ana[0], "person_id": bob})
        removing = Aside(lambda: people.remove(installation.database, ana[0], ana[1]), installation)
        assert removing.waits()
    assert removing.refused() == "last_person"
    assert rows(installation, "people") == 1


def test_people_of_another_account_are_not_found(
    installation: Installation, ana: Ana, anas: Client, other: Client
) -> None:
    theirs = installation.account("theirs")
    eve = people.add(
        installation.database, theirs, name="Eve Elsewhere", email="eve@example.com", now=installation.now()
    )
    installation.project()
    installation.sign_in(other, theirs, to="/console/you")
    assert names(other) == ["Eve Elsewhere"]
    assert names(anas) == ["Ana"]
    for path in (f"/console/people/{ana[1]}/remove", f"/console/people/{ana[1]}/link"):
        answer = other.post(path)
        assert answer.status_code == 404
        assert "Ana" not in answer.text
    assert other.get(f"/console/people/{ana[1]}/remove").status_code == 404
    assert anas.get(f"/console/people/{eve}/remove").status_code == 404
    assert other.post("/console/people/new", data={"name": "Ana", "email": EMAIL}).status_code == 422
    assert is_in(anas)


# You


def test_changing_a_password_requires_the_current_one_and_ends_every_other_session(
    installation: Installation, ana: Ana, anas: Client, other: Client
) -> None:
    assert sign_in(other).status_code == 303
    link = installation.link(ana[1], ana[0])
    assert "Current password" in anas.get("/console/you").text
    for current in ("", "wrong password"):
        answer = choose_password(anas, current=current)
        assert answer.status_code == 422
        assert 'id="current-error"' in answer.text
    assert is_in(other)
    assert choose_password(anas, current=PASSWORD).status_code == 303
    assert is_in(anas)
    assert not is_in(other)
    assert other.post(link).status_code == 410
    assert sign_in(other).status_code == 422
    assert sign_in(other, NEW).status_code == 303


def test_attempts_with_a_wrong_current_password_are_limited_too(ana: Any, anas: Client) -> None:
    answers = [choose_password(anas, current="wrong password").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert choose_password(anas, current=PASSWORD).status_code == 429


def test_a_forgotten_password_is_replaced_within_an_hour_of_opening_a_link(
    installation: Installation, ana: Ana, browser: Client, clock: Clock
) -> None:
    browser.post(installation.link(ana[1], ana[0]))
    assert "Current password" not in browser.get("/console/you").text
    clock.passes(hours=1)
    assert "Current password" in browser.get("/console/you").text
    assert choose_password(browser).status_code == 422
    browser.post(installation.link(ana[1], ana[0]))
    assert choose_password(browser).status_code == 303
    browser.cookies.clear()
    assert sign_in(browser, NEW).status_code == 303


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({}, "password"),
        ({"password": "a" * 11, "repeated": "a" * 11}, "password"),
        ({"password": "a" * 1_001, "repeated": "a" * 1_001}, "password"),
        ({"password": "a" * 12, "repeated": "b" * 12}, "repeated"),
        ({"password": "a" * 12}, "repeated"),
    ],
)
def test_a_refused_new_password_says_why_beside_its_field(
    ana: Any, anas: Client, sent: dict[str, str], place: str
) -> None:
    answer = anas.post("/console/you/password", data={"current": PASSWORD, **sent})
    assert answer.status_code == 422
    assert re.findall(r'<p class="error" id="(\w+)-error">', answer.text) == [place]
    anas.cookies.clear()
    assert sign_in(anas).status_code == 303


def test_the_first_person_sees_a_hint_on_their_own_page_and_no_banner_elsewhere(
    installation: Installation, browser: Client
) -> None:
    account_id = installation.account()
    installation.project()
    installation.sign_in(browser, account_id)
    assert "password" not in browser.get("/console/segments").text.lower()
    assert "Enter your e-mail address first" in browser.get("/console/you").text
    answer = choose_password(browser)
    assert answer.status_code == 422
    assert "Enter your e-mail address first" in answer.text
    assert browser.post("/console/you", data={"name": "Olivia", "email": ""}).status_code == 303
    assert browser.post("/console/you", data={"name": "Olivia", "email": "o@example.com"}).status_code == 303
    assert choose_password(browser).status_code == 303
    assert names(browser) == ["Olivia"]
    browser.cookies.clear()
    assert sign_in(browser, NEW, "o@example.com").status_code == 303


def test_name_and_address_change_but_not_to_one_in_use(installation: Installation, ana: Ana, anas: Client) -> None:
    add(anas, "Bob", "bob@example.com")
    for data, place in [
        ({"name": "Ana", "email": "BOB@example.com"}, "email"),
        ({"name": "Ana", "email": ""}, "email"),
        ({"name": "", "email": EMAIL}, "name"),
    ]:
        answer = anas.post("/console/you", data=data)
        assert answer.status_code == 422
        assert re.findall(r'<p class="error" id="(\w+)-error">', answer.text) == [place]
    assert anas.post("/console/you", data={"name": "Anna", "email": "anna@example.com"}).status_code == 303
    assert names(anas) == ["Anna", "Bob"]
    anas.cookies.clear()
    assert sign_in(anas).status_code == 422
    assert sign_in(anas, email="anna@example.com").status_code == 303


def test_an_open_list_gets_only_what_is_new(ana: Any, anas: Client) -> None:
    page = anas.get("/console/people").text
    seen = re.search(r'"Rollcall-Seen": "(\w+)"', page)
    assert seen is not None
    headers = {"Rollcall-Seen": seen.group(1)}
    assert anas.get("/console/people", headers=headers).status_code == 204
    add(anas, "Bob", "bob@example.com")
    assert "Bob" in anas.get("/console/people", headers=headers).text


def test_no_answer_contains_a_hash_or_a_password(installation: Installation, ana: Ana, anas: Client) -> None:
    add(anas, "Bob", "bob@example.com")
    bob = id_of(installation, ana[0], "bob@example.com")
    answers = [anas.get(page.format(bob)) for page in PAGES]
    answers += [
        anas.get("/console/segments"),
        anas.get("/console/sign-in"),
        choose_password(anas, current="wrong password"),
        anas.post("/console/people/new", data={"name": "x", "email": EMAIL}),
        sign_in(anas, "wrong password"),
        anas.post("/console/you", data={"name": "", "email": ""}),
        choose_password(anas, current=PASSWORD),
        anas.get("/console/people"),
        anas.get("/console/you"),
    ]
    for answer in answers:
        everything = answer.text + str(answer.headers)
        assert "argon2" not in everything
        for secret in (PASSWORD, NEW, "wrong password", anas.cookies[COOKIE]):
            assert secret not in answer.text
