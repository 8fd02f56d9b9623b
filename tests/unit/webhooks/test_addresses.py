"""Which addresses a webhook may have, and which it may connect to."""

from __future__ import annotations

import pytest

from domain.errors import Invalid
from domain.webhooks.addresses import checked_url, is_public, may_reach

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]
NOT_PUBLIC = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.0.8",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    assert is_public(address)
    assert may_reach(address, ())


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_is_reached(address: str) -> None:
    assert not is_public(address)
    assert not may_reach(address, ())


@pytest.mark.parametrize(("inside", "expected"), [("127.0.0.1", False), ("10.0.0.1", False), ("8.8.8.8", True)])
@pytest.mark.parametrize("outside", ["::ffff:", "64:ff9b::"])
def test_an_ipv4_address_inside_an_ipv6_one_counts_as_itself(outside: str, inside: str, expected: bool) -> None:
    assert may_reach(outside + inside, ()) == expected


def test_networks_that_the_installation_allows_are_reached_and_no_others() -> None:
    allowed = ("10.20.0.0/16", "fd00:1::/32")
    reached = ["10.20.3.4", "::ffff:10.20.3.4", "fd00:1::9"]
    assert [may_reach(each, allowed) for each in reached] == [True] * 3
    assert [may_reach(each, allowed) for each in ("10.21.0.1", "127.0.0.1", "fd00:2::9")] == [False] * 3


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "http://example.com", "https://", "https://a b/", "javascript:alert(1)",
        "https://user:password@example.com/", "https://example.com/#part", "https://example.com:99999/",
        "https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://127.0.0.1/", "https://127.1/",
        "https://2130706433/", "https://0x7f.1/", "https://①②⑦.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest", "https://0.0.0.0/", "https://10.0.0.1/", "https://example.com/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_a_webhook_with_an_address_that_cannot_be_is_refused_with_what_to_change(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_url(url, ())
    (error,) = refused.value.errors
    assert (error.pointer, error.code) == ("/url", "invalid_url")
    assert error.detail


def test_an_address_is_kept_in_its_normal_form() -> None:
    assert checked_url("https://EXAMPLE.com:443/Hook?a=1", ()) == "https://example.com/Hook?a=1"
    assert checked_url("https://bücher.example/ö", ()) == "https://xn--bcher-kva.example/%C3%B6"
    assert checked_url("http://localhost:8080/", ("127.0.0.0/8",)) == "http://localhost:8080/"
