"""Every template of the console can be read: it names no filter, test or tag that there is not."""

from __future__ import annotations

import pytest

from api.console.web.rendering import Pages
from tests.support.console.texts import CONSOLE

TEMPLATES = sorted(path.name for path in (CONSOLE / "templates").glob("*.html"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name: str) -> None:
    Pages("test")._templates.get_template(name)


def test_those_that_are_opened_first_are_compiled_at_the_start() -> None:
    pages = Pages("test")
    pages.compile_first()
    assert pages._templates.cache is not None
    assert len(pages._templates.cache) > 5
