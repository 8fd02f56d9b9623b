"""Where a webhook may go: to public addresses, and to those that the installation allows.

An account chooses the address of a webhook, and a request to it comes from inside the installation's network. So
nothing there may be reached: no loopback, private, link-local (the metadata of cloud machines) or otherwise special
address, in IPv4 or IPv6, nor one of those written inside an IPv6 address. `api` checks what an address says when a
webhook is stored; `consumers.webhooks` checks each address that a name resolves to when it connects.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from pydantic import HttpUrl, ValidationError

from domain.errors import Invalid

MAX_URL = 2_000
Networks = Sequence[str]

_NAMES_OF_THIS_MACHINE = ("localhost", "localhost.localdomain", "ip6-localhost")
_IPV4_SPECIAL = [ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24")]
_IPV6_UNICAST = ip_network("2000::/3")
_IPV6_SPECIAL = [ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_IPV4_IN_IPV6 = [ip_network(each) for each in ("::ffff:0:0/96", "64:ff9b::/96")]


def is_public(text: str) -> bool:
    """Returns whether an address, written in digits, is one of the public internet."""
    address = _without_zone(text)
    if isinstance(address, IPv4Address):
        special = address.is_multicast or address.is_reserved or any(address in each for each in _IPV4_SPECIAL)
        return address.is_global and not special
    return address in _IPV6_UNICAST and not any(address in each for each in _IPV6_SPECIAL)


def may_reach(text: str, allowed: Networks) -> bool:
    """Returns whether a webhook may connect to an address, written in digits; `allowed` are networks beside the public.

    An IPv4 address inside an IPv6 one (mapped, or translated by NAT64) counts as the IPv4 address.
    """
    address = _without_zone(text)
    if isinstance(address, IPv6Address) and any(address in each for each in _IPV4_IN_IPV6):
        address = IPv4Address(address.packed[-4:])
    return is_public(str(address)) or is_allowed(str(address), allowed)


def is_allowed(text: str, allowed: Networks) -> bool:
    """Returns whether an address, written in digits, is in one of the networks that the installation allows."""
    address = _without_zone(text)
    return any(address in ip_network(each) for each in allowed)


def checked_url(text: str, allowed: Networks) -> str:
    """Returns the address of a webhook in its normal form. Raises `Invalid` at `/url`, with what to change.

    Plain `http` is for networks that the installation allows: what is sent are customers' data.
    """
    if len(text) > MAX_URL:
        raise _bad(f"at most {MAX_URL:,} characters")
    try:
        url = HttpUrl(text)
    except ValidationError:
        raise _bad("needs an address such as https://example.com/hooks") from None
    host = (url.host or "").strip("[]").rstrip(".")
    if url.username or url.password:
        raise _bad("must not contain a user or password: the signature says who sends")
    if url.fragment:
        raise _bad("must not contain a fragment (#…)")
    if url.scheme != "https" and not allowed:
        raise _bad("needs https: customers' data are sent to it")
    if not _may_name(host, allowed):
        raise _bad("must be a public address; others have to be in ROLLCALL_WEBHOOK_NETWORKS of this installation")
    return str(url)


def host_of(url: str) -> str:
    """Returns the host name of a checked address, for people."""
    return urlsplit(url).hostname or ""


def _may_name(host: str, allowed: Networks) -> bool:
    if host.lower() in _NAMES_OF_THIS_MACHINE or host.lower().endswith(".localhost"):
        return is_allowed("127.0.0.1", allowed) or is_allowed("::1", allowed)
    try:
        ip_address(host)
    except ValueError:
        return True  # a name: what it resolves to is checked when a webhook connects
    return may_reach(host, allowed)


def _without_zone(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text.partition("%")[0])


def _bad(detail: str) -> Invalid:
    return Invalid.at("/url", "invalid_url", detail)
