"""The lists of routes in the docstrings of `api.v1` and `api.ingest` are complete and true."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from fastapi.routing import APIRoute

import api.ingest
import api.v1
from api.app import ROUTERS


@pytest.mark.parametrize("folder", [api.v1, api.ingest], ids=lambda folder: str(folder.__name__))
def test_the_docstring_lists_every_route_with_its_function(folder: ModuleType) -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    served = {
        (method, re.sub(r":\w+}", "}", route.path), f"{route.endpoint.__module__}.{route.endpoint.__name__}")
        for route in routes
        for method in route.methods or ()
        if route.endpoint.__module__.startswith(f"{folder.__name__}.") and route.include_in_schema
    }
    listed = re.findall(r"^([A-Z]+) +(/v1/\S+) +(\S+)$", folder.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == sorted(
        (method, path, name.removeprefix(f"{folder.__name__}.")) for method, path, name in served
    )
