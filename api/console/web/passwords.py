"""Passwords: the only module that knows how they are hashed (Argon2id). Created once by `api.console.app`.

A hash takes 64 MiB and tens of milliseconds by design, so only a few are computed at a time, and a flood of sign-in
attempts is refused before it takes the threads that other requests need. An unknown e-mail address takes as long as a
known one, so that the time of an answer does not reveal who has an account.
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

MAX_HASHING = 4
MAX_WAITING = 12


class Passwords:
    """Computes and checks hashes with the parameters of `hasher`."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._hashing = BoundedSemaphore(MAX_HASHING)
        self._admitted = BoundedSemaphore(MAX_HASHING + MAX_WAITING)

    def hash(self, password: str) -> str:
        """Returns the hash of a password, with its parameters and salt. Raises `Unavailable`."""
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def matches(self, hashed: str | None, password: str) -> bool:
        """Returns whether a password matches a hash; without a hash, `False` after the same time.

        Raises `Unavailable`.
        """
        if len(password) > LONGEST_PASSWORD:
            return False
        stand_in = self._stand_in  # computed outside the turn, as it takes one itself
        try:
            with self._turn():
                self._hasher.verify(stand_in if hashed is None else hashed, _bytes(password))
        except VerifyMismatchError:
            return False
        return hashed is not None

    def needs_rehash(self, hashed: str) -> bool:
        """Returns whether a hash was computed with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise Unavailable("too_many_passwords", "too many people are signing in right now; try again in a moment")
        try:
            with self._hashing:
                yield
        finally:
            self._admitted.release()

    @cached_property
    def _stand_in(self) -> str:
        return self.hash("a password that no account has")


def _bytes(password: str) -> bytes:
    # The same letters typed on another keyboard can be different code points.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
