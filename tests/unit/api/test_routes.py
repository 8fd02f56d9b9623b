"""The list of routes in the docstring of `api.v1` is complete and true."""

from __future__ import annotations

import re

from fastapi.routing import APIRoute

import api.v1
from api.app import ROUTERS


def test_the_docstring_of_v1_lists_every_route_with_its_function() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    served = {
        (method, re.sub(r":\w+}", "}", route.path), f"{route.endpoint.__module__}.{route.endpoint.__name__}")
        for route in routes
        for method in route.methods or ()
        if route.endpoint.__module__.startswith("api.v1.")
    }
    listed = re.findall(r"^([A-Z]+) +(/v1/\S+) +(\S+)$", api.v1.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == sorted((method, path, name.removeprefix("api.v1.")) for method, path, name in served)
