"""Find the client's address behind trusted proxies.

Every proxy appends to ``X-Forwarded-For`` at its right end. Anybody may have written the entries to the left.
TRUSTED_PROXIES says how many entries, counted from the right, our own proxies have written.
"""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: As some proxies write it: 192.0.2.1:4711 and [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def set_client_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that sets REMOTE_ADDR, which Django, axes and gunicorn's access log read, to the client's address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
        request.META["REMOTE_ADDR"] = client_address(peer, forwarded, settings.TRUSTED_PROXIES)
        return get_response(request)

    return middleware


def client_address(peer: str, forwarded: str, trusted: int | Sequence[Network]) -> str:
    """Return the address that connected to the outermost trusted proxy, or the peer's own address without one.

    ``trusted`` is the number of proxies, or their networks.
    """
    entries = forwarded.split(",") if forwarded else []
    if isinstance(trusted, int):
        found = _parse_address(entries[-trusted]) if 0 < trusted <= len(entries) else None
        return str(found or _parse_address(peer) or peer)
    address = _parse_address(peer)
    for entry in reversed(entries):
        before = _parse_address(entry)
        if before is None or address is None or not any(address in network for network in trusted):
            break
        address = before
    return str(address or peer)


def _parse_address(entry: str) -> Address | None:
    """Parse an address without port or zone. Unwrap a mapped IPv4 address. Return None for anything else."""
    text = entry.strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def address_for_throttle(request: HttpRequest) -> str | None:
    """Return the address that failed logins are counted for: of IPv6 the /64, all of which belong to one client."""
    address = _parse_address(request.META.get("REMOTE_ADDR", ""))
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False).network_address)
    return str(address) if address else None
