"""A client of the server in ROLLCALL_URL, with the admin key in ROLLCALL_API_KEY."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rollcall_client import Rollcall


@pytest.fixture
def rollcall() -> Iterator[Rollcall]:
    if "ROLLCALL_URL" not in os.environ:
        pytest.skip("set ROLLCALL_URL and ROLLCALL_API_KEY to an account for trying out")
    with Rollcall(os.environ["ROLLCALL_URL"], os.environ["ROLLCALL_API_KEY"]) as client:
        yield client
