"""Fixtures of the tests that need a broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.kafka_rig import Broker, forget_failed_connections


@pytest.fixture
def broker() -> Iterator[Broker]:
    """An empty broker for one test."""
    running = Broker()
    yield running
    running.kill()
    forget_failed_connections()
