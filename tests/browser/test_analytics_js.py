"""Segment's analytics.js in a page of another site, unmodified: nothing is set but the host and the key."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.support.running_product import RunningProduct

SCRIPT = Path(__file__).parent / "vendor/analytics-next.js"
SHOP = "http://localhost:9/"
SEND = """async ([key, host, settings]) => {
  const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnSettings: { integrations: {
    "Segment.io": { apiKey: key, apiHost: host + "/v1", protocol: "http", ...settings } } } })
  await analytics.page("Home")
  await analytics.identify("web-1", { firstName: "Ana", lastName: "Sá", lifetimeValue: 1.5, phone: "12" })
  await analytics.track("Bought", { total: 3 })
}"""
BATCHES = {"deliveryStrategy": {"strategy": "batching", "config": {"size": 3, "timeout": 200}}}


@pytest.mark.parametrize("settings", [{}, BATCHES], ids=["one by one", "in batches"])
def test_a_web_page_of_another_site_sends_and_understands_the_answer(
    browser: Browser, product: RunningProduct, settings: dict[str, object]
) -> None:
    name = f"analytics-js-{len(settings)}"
    with product.in_new_account(name) as account, browser.new_page() as page:
        key = account.ok("POST", "/v1/keys", json={"name": "Shop", "kind": "sdk"})["key"]
        page.route(f"{SHOP}**", lambda route: route.fulfill(body="<title>Shop</title>", content_type="text/html"))
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.on("requestfailed", lambda r: print("FAILED", r.url, r.failure)); page.on("console", lambda m: print("CONSOLE", m.text)); page.on("response", lambda r: print("RESP", r.url, r.status))
        page.goto(SHOP)
        page.add_script_tag(path=SCRIPT)
        with page.expect_response(lambda answer: answer.url.endswith(("/v1/t", "/v1/b"))) as answered:
            page.evaluate(SEND, [key, urlsplit(account.url).netloc, settings])
        assert (answered.value.status, answered.value.json()["success"]) == (200, True)
        assert failed == []
        customer = account.ok("GET", "/v1/customers/web-1")
        assert (customer["name"], customer["attributes"]["lifetime_value"]) == ("Ana Sá", 1.5)
        counted = {(row["name"], row["result"]): row["count"] for row in account.ok("GET", "/v1/received")["data"]}
        assert counted == {
            ("identify", "created"): 1,
            ("page", "counted"): 1,
            ("track", "counted"): 1,
            ("phone", "invalid_phone"): 1,
        }
