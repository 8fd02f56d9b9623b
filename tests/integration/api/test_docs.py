"""The documentation is served without a key, and needs nothing from another site."""

from __future__ import annotations

import re

import yaml

from tests.support.http_server import DOCUMENTS
from tests.support.installation import Installation


def test_every_document_is_served_and_every_link_on_it_is_answered(installation: Installation) -> None:
    with installation.open_api() as client:
        for path in sorted(DOCUMENTS.rglob("*.md")):
            url = f"/docs/{path.relative_to(DOCUMENTS).as_posix()}"
            page = client.get(url)
            assert page.status_code == 200, url
            assert f"<title>{path.read_text().splitlines()[0].removeprefix('# ')}" in page.text.replace("&amp;", "&")
            for link in set(re.findall(r'(?:href|src)="([^"#]+)', page.text)) - {"data:,", "/console"}:
                assert client.get(str(page.url.join(link))).status_code == 200, (url, link)


def test_the_address_without_a_slash_leads_to_the_first_document(installation: Installation) -> None:
    with installation.open_api() as client:
        page = client.get("/docs", follow_redirects=True)
        assert (page.status_code, page.url.path) == (200, "/docs/")


def test_the_reference_takes_its_scripts_from_this_server(installation: Installation) -> None:
    with installation.open_api() as client:
        page = client.get("/docs/api")
        assert set(re.findall(r'(?:src|href)="(\w+:)?//', page.text)) == set()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert (
            client.get("/docs/static/vendor/swagger-ui-bundle.js").headers["Content-Type"].startswith("text/javascript")
        )


def test_an_unknown_document_is_not_found(installation: Installation) -> None:
    with installation.open_api() as client:
        for path in ("/docs/nothing.md", "/docs/../README.md", "/docs/static/nothing.js"):
            assert client.get(path).status_code == 404


def test_both_descriptions_for_programs_are_served(installation: Installation) -> None:
    with installation.open_api() as client:
        assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
        described = client.get("/asyncapi.yaml")
        assert described.headers["Content-Type"].startswith("application/yaml")
        assert yaml.safe_load(described.text)["asyncapi"].startswith("3.")
