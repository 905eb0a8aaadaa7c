"""The address that a guest's quota is counted for: the last one that a trusted proxy saw, or its network."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_NETWORK_BITS: Final = 64


def guest_address(peer: str, forwarded_for: Sequence[str], *, trusted_proxies: int) -> str:
    """The address of a guest.

    Each proxy appends the address it was called from to `X-Forwarded-For`, behind whatever the guest wrote there. So
    the guest's is as far from the end as there are proxies that we trust; what stands before it may be made up.

    Args:
        peer: Whom the connection is with.
        forwarded_for: The header's lines, in order.
        trusted_proxies: How many proxies are ours. 0: the header is not looked at.

    Returns:
        An IPv4 address, or the first one of an IPv6 address's network; the peer's, where the header holds none at that
        place.
    """
    claimed = [part.strip() for line in forwarded_for for part in line.split(",")]
    chain = [*claimed, peer]
    place = max(0, len(chain) - 1 - trusted_proxies)
    return _normal(chain[place]) or _normal(peer) or "127.0.0.1"


def _normal(text: str) -> str | None:
    """An address without port, brackets and zone; an IPv4 address also where it comes dressed as IPv6."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:  # an IPv4 address with a port
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or _first_of_network(address))


def _first_of_network(address: ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    """What the addresses of one household or server have in common. Each has 2**64, and would have as many quotas."""
    return ipaddress.IPv6Network((address, _NETWORK_BITS), strict=False).network_address
