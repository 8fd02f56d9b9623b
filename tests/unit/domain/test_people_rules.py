"""What a person's e-mail address and password may be, and where they may be sent after signing in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from threading import Event, Semaphore
from typing import Literal

import pytest
from argon2 import PasswordHasher

from api.console.web.passwords import MAX_HASHING, MAX_WAITING, Passwords
from api.console.web.session import HOME_PATH, local_path
from domain.errors import Invalid, Unavailable
from domain.people import checked_email, checked_name, checked_password, new_token

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize("path", ["/console/segments", "/console/segments?name=a&rows=10", "/console/you", "/console/"])
def test_after_signing_in_a_person_is_sent_to_the_page_they_asked_for(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/v1/keys",
        "console/segments",
        " /console/segments",
        "/console//evil.example",
        "/console/\\evil.example",
        "/console",
        "/console/a\r\nLocation: //evil.example",
        "/console/a\n",
        "/console/\tb",
        "/consoles/evil",
        "//console/segments",
        "/console/a\x00b",
        "/%2F/evil.example",
        "http://console/segments",
    ],
)
def test_signing_in_never_sends_to_another_site(path: str) -> None:
    assert local_path(path) == HOME_PATH


@pytest.mark.parametrize("password", ["twelve chars", "aaaaaaaaaaaa", "1" * 1_000, "пароль пароль", "🔑" * 12])
def test_a_password_needs_twelve_characters_and_nothing_else(password: str) -> None:
    assert checked_password(password) == password


@pytest.mark.parametrize(
    ("password", "code"),
    [("", "password_too_short"), ("a" * 11, "password_too_short"), ("a" * 1_001, "password_too_long")],
)
def test_a_password_that_is_too_short_or_too_long_is_refused_at_its_field(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_password(password)
    assert (refused.value.code, refused.value.errors[0].pointer) == (code, "/password")


@pytest.mark.parametrize("email", ["ana@example.com", " ana@example.com ", "a+b@x", "Zoë@exämple.org", '"a@b"@c.d'])
def test_an_e_mail_address_is_accepted_as_it_is(email: str) -> None:
    assert checked_email(email) == email.strip()


@pytest.mark.parametrize(
    "email", ["", "ana", "@example.com", "ana@", "a na@x.y", "a\x00@x.y", "ana@x.y\nb", "a@" + "x" * 260]
)
def test_text_that_is_no_e_mail_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid, match="invalid_email"):
        checked_email(email)


@pytest.mark.parametrize("name", ["Ana", "علی\u200cرضا", "\U0001f469\u200d\U0001f467"])
def test_a_name_keeps_its_letters(name: str) -> None:
    assert checked_name(f" {name}\u200b") == name


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "\u200d", "a\x00", "a" * 201, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="invalid_name"):
        checked_name(name)


def test_a_password_fits_its_own_hash_only_however_its_letters_were_typed() -> None:
    passwords = Passwords(CHEAP)
    hashed = passwords.hash("café con leche")
    assert hashed.startswith("$argon2id$")
    assert passwords.matches(hashed, "café con leche")
    assert passwords.matches(hashed, "cafe\u0301 con leche")
    assert not passwords.matches(hashed, "cafe con leche")
    assert passwords.hash("café con leche") != hashed


def test_an_unknown_person_s_password_never_fits_and_neither_does_one_beyond_the_limit() -> None:
    passwords = Passwords(CHEAP)
    assert not passwords.matches(None, "the password of an unknown person")
    assert not passwords.matches(passwords.hash("a" * 2_000), "a" * 2_000)


class Watched(PasswordHasher):
    """Counts how often a password is compared, and compares only when it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.begun = Semaphore(0)
        self.may = Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's name
        self.begun.release()
        assert self.may.wait(30)
        return super().verify(hash, password)


def test_an_unknown_address_costs_one_comparison_like_a_known_one() -> None:
    watched = Watched()
    watched.may.set()
    passwords = Passwords(watched)
    for hashed in (None, passwords.hash("twelve chars")):
        passwords.matches(hashed, "twelve chars")
        assert watched.begun.acquire(blocking=False)
        assert not watched.begun.acquire(blocking=False)


def test_too_many_attempts_at_once_are_refused_before_they_take_every_thread() -> None:
    watched = Watched()
    passwords = Passwords(watched)
    hashed = passwords.hash("twelve chars")
    with ThreadPoolExecutor(40) as crowd:
        answers = [crowd.submit(passwords.matches, hashed, "twelve chars") for _ in range(40)]
        # No attempt that got in has been answered: none may compare yet.
        for answer in islice(as_completed(answers), 40 - MAX_HASHING - MAX_WAITING):
            assert isinstance(answer.exception(), Unavailable)
        watched.may.set()
        assert sum(answer.exception() is None for answer in answers) == MAX_HASHING + MAX_WAITING


def test_a_hash_with_other_parameters_is_outdated() -> None:
    old = Passwords(CHEAP).hash("twelve chars")
    assert not Passwords(CHEAP).needs_rehash(old)
    assert Passwords().needs_rehash(old)
    assert Passwords().matches(old, "twelve chars")


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token().text for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert min(map(len, tokens)) >= 43
