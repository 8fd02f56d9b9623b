"""Which requests come from a page of the console."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from api.console.web.csrf import is_same_origin

HOST = {"host": "console.example"}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none", "origin": "https://console.example"}, False),
        ({"origin": "https://console.example"}, True),
        ({"origin": "https://other.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_request_must_say_that_it_comes_from_a_page_of_this_console(sent: dict[str, str], expected: bool) -> None:
    assert is_same_origin(Headers(HOST | sent)) is expected
