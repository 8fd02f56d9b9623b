"""The languages of the console: which one a person reads, and how it writes numbers, days and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from api.console.web.language import ago, language_of, languages
from api.console.web.session import SignedInUser
from domain.texts.language import ENGLISH, said

NOON = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
PORTUGUESE = languages()["pt-PT"]


def asks(accepted: str, chosen: str | None = None) -> str:
    headers = [(b"accept-language", accepted.encode())] if accepted else []
    request = Request({"type": "http", "headers": headers, "state": {}})
    if chosen is not None:
        request.state.user = SignedInUser(None, None, "Ana", "", chosen)  # type: ignore[arg-type]
    return language_of(request).code


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("pt-PT", "pt-PT"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-PT"),
        ("en-GB,pt;q=0.9", "en"),
        ("de, pt;q=0.5, en;q=0.4", "pt-PT"),
        ("pt;q=0, *", "en"),
        ("pt;q=much", "en"),
    ],
)
def test_who_has_chosen_none_reads_the_language_of_the_browser(accepted: str, code: str) -> None:
    assert asks(accepted) == code


def test_a_choice_is_worth_more_than_the_browser() -> None:
    assert asks("en-US", "pt-PT") == "pt-PT"
    assert asks("pt-PT", "en") == "en"
    assert asks("pt-PT", "a language of another version") == "pt-PT"


def test_numbers_and_days_are_written_as_in_the_language() -> None:
    assert (ENGLISH.number(1_204), PORTUGUESE.number(12_040)) == ("1,204", "12\xa0040")
    assert (ENGLISH.day(NOON), PORTUGUESE.day(NOON)) == ("November 29, 2026", "29 de novembro de 2026")
    assert ENGLISH.instant(NOON) == "Nov 29, 2026, 12:00"
    assert PORTUGUESE.instant(NOON, seconds=True) == "29/11/2026, 12:00:30"
    assert (ENGLISH.month(5), PORTUGUESE.month(5)) == ("May", "maio")


def test_numbers_in_a_message_are_written_so_too() -> None:
    assert ENGLISH.ngettext("%(num)s customer", "%(num)s customers", 2_000) == "2,000 customers"
    assert said("at most %(most)s", most=10_000) == "at most 10,000"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=11), "11 hours ago"),
        (timedelta(hours=24), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=8), "Nov 21, 2026"),
        (timedelta(minutes=-10), "in 10 minutes"),
        (timedelta(hours=-5), "in 5 hours"),
        (timedelta(days=-2), "Dec 1, 2026"),
    ],
)
def test_an_instant_is_said_as_people_say_it(before: timedelta, words: str) -> None:
    assert ago(ENGLISH, NOON - before, NOON) == words
