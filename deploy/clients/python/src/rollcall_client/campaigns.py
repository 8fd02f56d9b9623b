"""Campaigns: which customers they reach now, and audiences that are frozen."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rollcall_client.shapes import Audience, Campaign, Recipient
from rollcall_client.transport import Transport, part


class Campaigns:
    """What is under `/v1/campaigns` and `/v1/audiences`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        segment_ids: Collection[str],
        *,
        exclude_segment_ids: Collection[str] = (),
        idempotency_key: str | None = None,
    ) -> Campaign:
        """Create a campaign for the members of some segments, without those of others."""
        body = {"name": name, "segment_ids": [*segment_ids], "exclude_segment_ids": [*exclude_segment_ids]}
        answer: Campaign = self._transport.call("POST", "/v1/campaigns", body=body, idempotency_key=idempotency_key)
        return answer

    def get(self, campaign_id: str) -> Campaign:
        """One campaign. Raises `NotFound`."""
        answer: Campaign = self._transport.call("GET", f"/v1/campaigns/{part(campaign_id)}")
        return answer

    def list(self) -> Iterator[Campaign]:
        """Every campaign, newest first."""
        yield from self._transport.pages("/v1/campaigns")

    def edit(
        self,
        campaign_id: str,
        *,
        name: str | None = None,
        segment_ids: Collection[str] | None = None,
        exclude_segment_ids: Collection[str] | None = None,
        if_match: int | None = None,
    ) -> Campaign:
        """Change what is given. Raises `StaleVersion` where `if_match` is not the campaign's version any more."""
        given = {
            "name": name,
            "segment_ids": None if segment_ids is None else [*segment_ids],
            "exclude_segment_ids": None if exclude_segment_ids is None else [*exclude_segment_ids],
        }
        body = {field: each for field, each in given.items() if each is not None}
        path = f"/v1/campaigns/{part(campaign_id)}"
        answer: Campaign = self._transport.call("PATCH", path, body=body, if_match=if_match)
        return answer

    def delete(self, campaign_id: str) -> None:
        """Delete a campaign; its frozen audiences stay."""
        self._transport.call("DELETE", f"/v1/campaigns/{part(campaign_id)}")

    def recipients(self, campaign_id: str) -> Iterator[Recipient]:
        """Everyone that the campaign reaches now, in one stream from one snapshot. Raises `StreamCutOff`."""
        yield from self._transport.stream(f"/v1/campaigns/{part(campaign_id)}/recipients")

    def freeze(self, campaign_id: str, *, idempotency_key: str | None = None) -> Audience:
        """Freeze the recipients as they are now: the audience stays the same, whatever changes."""
        path = f"/v1/campaigns/{part(campaign_id)}/audience"
        answer: Audience = self._transport.call("POST", path, idempotency_key=idempotency_key)
        return answer

    def audience(self, audience_id: str) -> Audience:
        """A frozen audience: its counts."""
        answer: Audience = self._transport.call("GET", f"/v1/audiences/{part(audience_id)}")
        return answer

    def audience_recipients(self, audience_id: str) -> Iterator[Recipient]:
        """Everyone in a frozen audience, in one stream. Raises `StreamCutOff`."""
        yield from self._transport.stream(f"/v1/audiences/{part(audience_id)}/recipients")
