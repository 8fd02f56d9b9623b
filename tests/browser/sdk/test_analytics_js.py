"""Segment's analytics.js in a page of another site, unmodified: nothing is set but the host and the key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.support.running_product import RunningProduct

SCRIPT = Path(__file__).parents[1] / "vendor/analytics-next.js"
SEND = """async ([key, host, settings]) => {
  const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnSettings: { integrations: {
    "Segment.io": { apiKey: key, apiHost: host + "/v1", protocol: "http", ...settings } } } })
  await analytics.page("Home")
  await analytics.identify("web-1", { firstName: "Ana", lastName: "Sá", lifetimeValue: 1.5, phone: "12" })
  await analytics.track("Bought", { total: 3 })
}"""
BATCHES = {"deliveryStrategy": {"strategy": "batching", "config": {"size": 3, "timeout": 200}}}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Shop</title><link rel=icon href='data:,'>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The address of a site that is not ours: browsers compare names of hosts, not where they lead."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("settings", [{}, BATCHES], ids=["one by one", "in batches"])
def test_a_web_page_of_another_site_sends(
    browser: Browser, product: RunningProduct, shop: str, settings: dict[str, object]
) -> None:
    with product.in_new_account(f"analytics-js-{len(settings)}") as account, browser.new_page() as page:
        key = account.ok("POST", "/v1/keys", json={"name": "Shop", "kind": "sdk"})["key"]
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.goto(shop)
        page.add_script_tag(path=SCRIPT)
        with page.expect_response(lambda answer: answer.url.endswith(("/v1/t", "/v1/b"))) as answered:
            page.evaluate(SEND, [key, urlsplit(account.url).netloc, settings])
        assert answered.value.status == 200
        assert failed == []
        customer = account.ok("GET", "/v1/customers/web-1")
        assert (customer["name"], customer["attributes"]["lifetime_value"]) == ("Ana Sá", 1.5)
        counted = {(row["name"], row["result"]): row["count"] for row in account.ok("GET", "/v1/received")["data"]}
        assert counted == {
            ("identify", "created"): 1,
            ("page", "counted"): 1,
            ("track", "recorded"): 1,
            ("phone", "invalid_phone"): 1,
        }
