"""Messages are signed as the reference library of Standard Webhooks verifies them."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook
from standardwebhooks.exceptions import WebhookVerificationError  # type: ignore[import-not-found,unused-ignore]

from domain.webhooks.signing import new_secret, signed_headers

BODY = b'{"type":"x"}'


def test_the_reference_library_accepts_a_signature_and_no_changed_part() -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", datetime.now(UTC), BODY, [secret])
    Webhook(secret).verify(BODY, headers)
    for changed in (
        (b'{"type":"y"}', headers),
        (BODY, headers | {"webhook-id": "msg_2"}),
        (BODY, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(*changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


def test_the_example_of_the_specification_has_its_signature() -> None:
    at = datetime.fromtimestamp(1674087231, UTC)
    body = b'{"event_type":"ping"}'
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    expected = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body.decode())
    assert headers["webhook-signature"] == expected


def test_two_secrets_give_two_signatures_and_either_is_enough() -> None:
    new, old = new_secret(), new_secret()
    headers = signed_headers("msg_1", datetime.now(UTC), BODY, [new, old])
    assert len(headers["webhook-signature"].split()) == 2
    Webhook(new).verify(BODY, headers)
    Webhook(old).verify(BODY, headers)


def test_an_old_message_is_refused_by_receivers() -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", datetime.now(UTC) - timedelta(minutes=6), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_a_secret_has_256_bits_and_is_another_each_time() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(b64decode(first.removeprefix("whsec_"))) == 32
    assert new_secret(b"a" * 32) == new_secret(b"a" * 32)
