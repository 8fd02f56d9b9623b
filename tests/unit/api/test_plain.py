"""Which reads go the short way is seen from the parameters of their handlers."""

from __future__ import annotations

from api.app import ROUTERS
from api.http.plain import plain_route
from api.http.route import AccountRoute


def test_reads_of_one_thing_and_unfiltered_lists_go_the_short_way() -> None:
    plain = {
        route.name
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, AccountRoute) and plain_route(route) is not None
    }
    assert plain >= {
        "get_customer", "list_segments_of_customer", "get_segment", "get_campaign", "get_audience", "get_import",
    }  # fmt: skip


def test_writes_and_searches_do_not() -> None:
    others = {
        route.name
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, AccountRoute) and plain_route(route) is None
    }
    assert others >= {"put_customer", "create_segment", "list_customers", "list_members"}
