"""Values of analytics SDKs that are not JSON: an SDK throws away the batch that is refused for one of them."""

from __future__ import annotations

from typing import Any

from httpx import Client

from tests.support.installation import Installation


def test_a_value_that_is_not_json_costs_no_more_than_itself(installation: Installation, client: Client) -> None:
    """SDKs of Python write NaN as it is, and those of browsers half of an emoji that was cut."""
    body = b"""{"batch": [
        {"type": "identify", "userId": "ana", "traits": {"score": NaN, "sizes": [Infinity], "nick\\ud83d": "A\\ud83d"}},
        {"type": "track", "userId": "ana", "event": "Paid", "properties": {"value": NaN}},
        {"type": "identify", "userId": NaN}, {"type": "identify", "userId": "bo", "traits": {"plan": "gold"}}]}"""
    answered = client.post("/v1/batch", content=body).raise_for_status().json()
    assert [(each["index"], each["code"]) for each in answered["rejected"]] == [(2, "invalid_identifier")]
    left_out = {(each["name"], each["code"]) for each in answered["left_out"]}
    assert left_out == {("score", "invalid_number"), ("value", "invalid_number"), ("sizes", "invalid_value")}
    installation.catch_up()

    def attributes(customer: str) -> Any:
        return client.get(f"/v1/customers/{customer}").raise_for_status().json()["attributes"]

    assert attributes("ana") == {"nick": "A\ufffd"}
    assert attributes("bo") == {"plan": "gold"}
