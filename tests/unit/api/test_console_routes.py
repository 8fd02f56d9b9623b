"""Every address of the console is for people who are signed in, but for those by which they come in and go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.console.app import ROUTERS
from api.console.web.session import signed_in

OPEN = {"/sign-in", "/sign-in/{token}", "/sign-out"}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def asked(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from asked(each)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{sorted(route.methods)[0]} {route.path}")
def test_every_page_requires_sign_in_or_is_open_on_purpose(route: APIRoute) -> None:
    assert (signed_in in set(asked(route.dependant))) == (route.path not in OPEN)
    assert route.methods in ({"GET"}, {"POST"})
