"""Signing in to the console of the real command: with the link that it prints, and with links made later."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from httpx import Client

from tests.support.embedded_processes import run
from tests.support.http_client import http_client
from tests.support.installation import FROM_OUR_PAGE
from tests.support.running_product import RunningProduct, running

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    with running(tmp_path_factory.mktemp("people") / "home", ROLLCALL_KAFKA_BOOTSTRAP_SERVERS="none") as made:
        yield made


@pytest.fixture
def browser(product: RunningProduct) -> Iterator[Client]:
    with http_client(product.url, headers=FROM_OUR_PAGE) as client:
        yield client


def command(product: RunningProduct, *arguments: str) -> str:
    """What a command prints, which is one line."""
    result = run(product.home, *arguments)
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    return line


def test_the_link_printed_at_the_start_opens_the_console_once(product: RunningProduct, browser: Client) -> None:
    link = product.said["console"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/console/sign-in/[\w-]{43}", link)
    entered = browser.get(link)
    assert entered.headers["location"] == "/console/segments"
    shown = browser.get("/console/segments")
    assert shown.status_code == 200
    assert "Owner" in shown.text
    browser.cookies.clear()
    assert browser.get(link).status_code == 410
    assert browser.get("/console/segments").status_code == 303


def test_a_new_link_is_one_command_away(product: RunningProduct, browser: Client) -> None:
    assert browser.get(command(product, "person", "link")).status_code == 303
    assert browser.get("/console/segments").status_code == 200


def test_a_person_is_added_at_the_terminal_chooses_a_password_and_signs_in(
    product: RunningProduct, browser: Client
) -> None:
    link = command(product, "person", "create", "ana@example.com", "--name", "Ana")
    assert browser.get(link).headers["location"] == "/console/you"
    chosen = browser.post("/console/you/password", data={"password": PASSWORD, "repeated": PASSWORD})
    assert chosen.status_code == 303
    assert browser.post("/console/sign-out").status_code == 303
    assert browser.get("/console/segments").status_code == 303
    entered = browser.post("/console/sign-in", data={"email": "ana@example.com", "password": PASSWORD})
    assert entered.headers["location"] == "/console/segments"
    assert "Ana" in browser.get("/console/segments").text
    browser.cookies.clear()
    assert browser.get(command(product, "person", "link", "--email", "ANA@example.com")).status_code == 303
    assert "Ana" in browser.get("/console/segments").text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("link", "--email", "nobody@example.com"), "no user of account 'default' has the e-mail address"),
        (("link", "--account", "nowhere"), "there is no account called 'nowhere'"),
        (("create", "no-address", "--name", "Ana"), "Give an e-mail address"),
        (("create", "bob@example.com", "--name", " "), "A name needs"),
        (
            ("create", "bob@example.com", "--name", "Bob", "--account", "nowhere"),
            "there is no account called 'nowhere'",
        ),
    ],
)
def test_a_mistake_at_the_terminal_is_one_sentence(
    product: RunningProduct, arguments: tuple[str, ...], said: str
) -> None:
    result = run(product.home, "person", *arguments)
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("rollcall: ")
    assert said in sentence
