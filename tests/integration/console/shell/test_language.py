"""The console in the language that a person chose, or else in that of their browser."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Client

from tests.support.console.console import sign_in

PORTUGUESE = {"accept-language": "pt-PT,pt;q=0.9,en;q=0.8"}


def language_of(browser: Client, path: str, **headers: str) -> str:
    page = browser.get(path, headers=headers).text
    return page.partition('<html lang="')[2].partition('"')[0]


@pytest.fixture
def anas(ana: Any, browser: Client) -> Client:
    assert sign_in(browser).status_code == 303
    return browser


def test_before_anyone_is_signed_in_the_browser_decides(browser: Client) -> None:
    assert language_of(browser, "/console/sign-in") == "en"
    assert language_of(browser, "/console/sign-in", **PORTUGUESE) == "pt-PT"


def test_a_person_chooses_the_language_and_can_leave_it_to_the_browser_again(anas: Client) -> None:
    assert anas.post("/console/you/language", data={"language": "pt-PT"}).status_code == 303
    page = anas.get("/console/you").text
    assert '<option value="pt-PT" lang="pt-PT" selected>Português (Portugal)</option>' in page
    assert "Guardado" in page
    assert language_of(anas, "/console/segments") == "pt-PT"
    anas.post("/console/you/language", data={"language": ""})
    assert language_of(anas, "/console/segments") == "en"
    assert language_of(anas, "/console/segments", **PORTUGUESE) == "pt-PT"


def test_what_is_no_language_is_the_browsers(anas: Client) -> None:
    anas.post("/console/you/language", data={"language": "tlh"})
    assert language_of(anas, "/console/you") == "en"
