"""What tests of the console's people share: signing in, and looking into the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from httpx import Client, Response

from domain.errors import RollcallError
from tests.support.installation import Installation

EMAIL, PASSWORD = "Ana@example.com", "Ana's own secret words"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def sign_in(browser: Client, password: str = PASSWORD, email: str = EMAIL, **more: str) -> Response:
    return browser.post("/console/sign-in", data={"email": email, "password": password, **more})


def is_in(browser: Client) -> bool:
    answer = browser.get("/console/segments")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def rows(installation: Installation, table: str) -> int:
    with installation.owner() as owner:
        counted = owner.execute(f"SELECT count(*) FROM rollcall.{table}").fetchone()
    return int(counted[0]) if counted else 0


class Aside:
    """A call in a thread of its own, which may have to wait for another transaction."""

    def __init__(self, call: Callable[[], object], installation: Installation) -> None:
        self._installation = installation
        self._pool = ThreadPoolExecutor(1)
        self._answer = self._pool.submit(call)

    def waits(self) -> bool:
        """Whether it comes to wait for a lock that another transaction holds."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with self._installation.owner() as owner:
            while not self._answer.done():
                counted = owner.execute(waiting).fetchone()
                if counted and counted[0]:
                    return True
        return False

    def refused(self) -> str | None:
        """The code of the error with which it ended, if it did."""
        error = self._answer.exception(30)
        self._pool.shutdown()
        return error.code if isinstance(error, RollcallError) else None
