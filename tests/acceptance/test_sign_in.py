"""Signing in to the console of the real command: with the link that it prints, and with links made later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from httpx import Client

from deploy.commands import console_link, create_person
from deploy.settings import Settings
from domain.errors import RollcallError
from tests.support.embedded_processes import run
from tests.support.http_client import http_client
from tests.support.installation import FROM_OUR_PAGE
from tests.support.running_product import RunningProduct

PASSWORD = "correct horse battery"


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
    assert "Sign in as Owner" in browser.get(link).text
    entered = browser.post(link)
    assert entered.headers["location"] == "/console/overview"
    shown = browser.get("/console/segments")
    assert shown.status_code == 200
    assert "Owner" in shown.text
    browser.cookies.clear()
    assert browser.get(link).status_code == 410
    assert browser.get("/console/segments").status_code == 303


def test_a_new_link_is_one_command_away(product: RunningProduct, browser: Client) -> None:
    assert browser.post(command(product, "person", "link")).status_code == 303
    assert browser.get("/console/segments").status_code == 200


def test_a_person_is_added_at_the_terminal_chooses_a_password_and_signs_in(
    product: RunningProduct, browser: Client
) -> None:
    link = command(product, "person", "create", "ana@example.com", "--name", "Ana")
    assert browser.post(link).headers["location"] == "/console/you"
    chosen = browser.post("/console/you/password", data={"password": PASSWORD, "repeated": PASSWORD})
    assert chosen.status_code == 303
    assert browser.post("/console/sign-out").status_code == 303
    assert browser.get("/console/segments").status_code == 303
    entered = browser.post("/console/sign-in", data={"email": "ana@example.com", "password": PASSWORD})
    assert entered.headers["location"] == "/console/overview"
    assert "Ana" in browser.get("/console/segments").text
    browser.cookies.clear()
    assert browser.post(command(product, "person", "link", "--email", "ANA@example.com")).status_code == 303
    assert "Ana" in browser.get("/console/segments").text


def test_a_mistake_at_the_terminal_is_one_sentence(product: RunningProduct) -> None:
    result = run(product.home, "person", "link", "--email", "unknown@example.com")
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("rollcall: no user of account 'default' has the e-mail address")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (partial(console_link, account="nowhere"), "there is no account called 'nowhere'"),
        (partial(create_person, email="no-address", account="default", name="Ana"), "Give an e-mail address"),
        (partial(create_person, email="bob@example.com", account="default", name=" "), "A name needs"),
        (
            partial(create_person, email="bob@example.com", account="nowhere", name="Bob"),
            "there is no account called 'nowhere'",
        ),
    ],
)
def test_every_mistake_has_its_sentence(
    product: RunningProduct, command: Callable[[Settings], object], said: str
) -> None:
    """Tried in this process: starting the command takes longer, and prints any such error as the test above sees."""
    with pytest.raises(RollcallError) as refused:
        command(Settings(database_url=product.database_url))
    assert said in refused.value.detail
    assert "\n" not in refused.value.detail
