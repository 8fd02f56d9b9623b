"""Passwords: the only module that knows how they are hashed (Argon2id). Made once by `api.console.app`.

A hash takes 64 MiB and tens of milliseconds by design, so only a few are made at a time, and a crowd of strangers
who try is turned away before it takes the threads that everybody else needs. An unknown e-mail address costs the same
as a known one: how long an answer takes tells nobody who has an account.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from domain.errors import Unavailable
from domain.people import LONGEST_PASSWORD

AT_ONCE = 4
WAITING = 12


class Passwords:
    """Makes and checks hashes with the parameters of `hasher`."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._at_once = BoundedSemaphore(AT_ONCE)
        self._inside = BoundedSemaphore(AT_ONCE + WAITING)

    def hashed(self, password: str) -> str:
        """The hash of a password, its parameters and salt included. Raises `Unavailable`."""
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def fits(self, hashed: str | None, password: str) -> bool:
        """Whether a password fits a hash; without a hash, no after the same time. Raises `Unavailable`."""
        if len(password) > LONGEST_PASSWORD:
            return False
        nobody = self._of_nobody
        try:
            with self._turn():
                self._hasher.verify(nobody if hashed is None else hashed, _bytes(password))
        except VerifyMismatchError:
            return False
        return hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._inside.acquire(blocking=False):
            raise Unavailable("too_many_passwords", "too many people sign in just now; try again in a moment")
        try:
            with self._at_once:
                yield
        finally:
            self._inside.release()

    @cached_property
    def _of_nobody(self) -> str:
        return self.hashed("the password of nobody")


def _bytes(password: str) -> bytes:
    # The same letters typed on another keyboard may be other code points.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
