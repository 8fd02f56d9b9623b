"""One `rollcall up` per test process for what is tried from outside.

A test that loads much data does so in an account of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running_product import RunningProduct, running


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    """The running command, with the key of its default account."""
    with running(tmp_path_factory.mktemp("product") / "home", ROLLCALL_BOOTSTRAP_TIMEZONE="Europe/Lisbon") as made:
        yield made
