"""What a target string says about where the server is."""

from __future__ import annotations

import ipaddress

_LOCAL_SCHEMES = ("unix:", "unix-abstract:")
_NAME_SCHEMES = ("dns:", "ipv4:", "ipv6:", "passthrough:")


def is_loopback(target: str) -> bool:
    """Whether every byte sent to `target` stays on this machine.

    Anything that is not clearly local counts as remote, because a token may only be sent in plaintext if it is.
    """
    if target.startswith(_LOCAL_SCHEMES):
        return True
    return all(_is_loopback_host(_host(address)) for address in _addresses(target))


def _addresses(target: str) -> list[str]:
    """The `host:port` parts; `ipv4:` and `ipv6:` targets may have several, `dns://authority/` has a prefix."""
    for scheme in _NAME_SCHEMES:
        if target.startswith(scheme):
            rest = target.removeprefix(scheme)
            return (rest.rsplit("/", 1)[-1] if rest.startswith("//") else rest).split(",")
    return [target]


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    # A bare IPv6 address has several colons, `host:port` has one.
    return address.rpartition(":")[0] or address if address.count(":") == 1 else address


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
