"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.console.shop import TYPES, Shop
from tests.support.installation import Installation


@pytest.fixture
def shop(installation: Installation) -> Iterator[Shop]:
    account_id = installation.account()
    for key, kind in TYPES.items():
        installation.rollcall.attributes.declare(account_id, key, kind, "Plan" if key == "plan" else None)
    with installation.projecting(), installation.open_console(account_id) as client:
        yield Shop(installation, account_id, client)
