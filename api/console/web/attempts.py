"""Attempts to sign in from one network: limited whatever addresses they try. Used by `api.console.account.sign_in`.

Attempts with one address are limited too; this is for one password tried on many
addresses. Only failed attempts count, so that an office behind one address is not locked out by its own people; a
one-time link works for those who are.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address, ip_network

from fastapi import Request

from api.http.dependencies import Services
from domain.people import ATTACK, ATTEMPTS_WITHIN, NETWORK_ATTEMPTS, NETWORK_ATTEMPTS_UNDER_ATTACK
from projections.records import sessions

# A customer of an internet provider has that many addresses of version 6.
PREFIX_V6 = 64


def begin_attempt(services: Services, network: str, now: datetime) -> int:
    """Counts an attempt before it is decided. Returns for how many minutes it is refused; 0 where it is allowed."""
    until = sessions.begin_attempt_from(services.database, network, now, _most(services, now))
    if until is not None:
        return int((until - now).total_seconds() // 60) + 1
    services.limits.failed_sign_ins.add(now)
    return 0


def withdraw_attempt(services: Services, network: str, at: datetime) -> None:
    """No longer counts the attempt that began at this instant: it succeeded."""
    sessions.withdraw_attempt_from(services.database, network, at, _most(services, at))
    services.limits.failed_sign_ins.remove(at)


def _most(services: Services, now: datetime) -> int:
    under_attack = services.limits.failed_sign_ins.since(now - ATTEMPTS_WITHIN) >= ATTACK
    return NETWORK_ATTEMPTS_UNDER_ATTACK if under_attack else NETWORK_ATTEMPTS


def network_of(request: Request) -> str:
    """Returns the client's address, or the network that one customer of an internet provider has."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network(f"{host}/{PREFIX_V6}", strict=False)) if address.version == 6 else host
