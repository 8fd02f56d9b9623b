"""What tests of the console's people share: a clock that moves by hand, signing in, looking behind the scenes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from httpx import Client, Response

from tests.installation import Installation

EMAIL, PASSWORD = "Ana@example.com", "a few words in a row"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Hand:
    """A clock that the test moves."""

    instant: datetime = datetime(2026, 5, 20, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def passes(self, **time: float) -> None:
        self.instant += timedelta(**time)


def sign_in(browser: Client, password: str = PASSWORD, email: str = EMAIL, **more: str) -> Response:
    return browser.post("/console/sign-in", data={"email": email, "password": password, **more})


def is_in(browser: Client) -> bool:
    answer = browser.get("/console/segments")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def rows(house: Installation, table: str) -> int:
    with house.owner() as owner:
        counted = owner.execute(f"SELECT count(*) FROM rollcall.{table}").fetchone()
    return int(counted[0]) if counted else 0
