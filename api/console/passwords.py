"""Passwords: the only module that knows how they are hashed (Argon2id). Made once by `api.console.app`.

A hash takes 64 MiB and tens of milliseconds by design, so only a few are made at a time. An unknown e-mail address
costs the same as a known one: how long an answer takes tells nobody who has an account.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from domain.people import LONGEST_PASSWORD

AT_ONCE = 4


class Passwords:
    """Makes and checks hashes with the parameters of `hasher`."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._at_once = BoundedSemaphore(AT_ONCE)

    def hashed(self, password: str) -> str:
        """The hash of a password, its parameters and salt included."""
        with self._at_once:
            return self._hasher.hash(_bytes(password))

    def fits(self, hashed: str | None, password: str) -> bool:
        """Whether a password fits a hash; without a hash, no after the same time."""
        if len(password) > LONGEST_PASSWORD:
            return False
        nobody = self._of_nobody
        try:
            with self._at_once:
                self._hasher.verify(nobody if hashed is None else hashed, _bytes(password))
        except VerifyMismatchError:
            return False
        return hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(hashed)

    @cached_property
    def _of_nobody(self) -> str:
        return self.hashed("the password of nobody")


def _bytes(password: str) -> bytes:
    # The same letters typed on another keyboard may be other code points.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
