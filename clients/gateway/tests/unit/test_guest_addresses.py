from __future__ import annotations

import pytest

from mayfly_gateway.guest_addresses import guest_address

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded_for", "trusted", "expected"),
    [
        ([], 0, PEER),
        (["1.2.3.4"], 0, PEER),  # the header is whatever the guest likes
        (["1.2.3.4"], 1, "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),  # 6.6.6.6 was made up
        (["6.6.6.6", "1.2.3.4"], 1, "1.2.3.4"),  # the same on two lines
        (["1.2.3.4, 10.0.0.1"], 2, "1.2.3.4"),
        (["1.2.3.4"], 3, "1.2.3.4"),  # fewer than there should be: the farthest that is known
        (["rubbish"], 1, PEER),
        (["1.2.3.4:5678"], 1, "1.2.3.4"),
        (["[2001:db8::1]:443"], 1, "2001:db8::"),
        (["2001:DB8:0::1"], 1, "2001:db8::"),
        (["::ffff:1.2.3.4"], 1, "1.2.3.4"),
        (["fe80::1%eth0"], 1, "fe80::"),
    ],
)
def test_the_guests_address_is_the_last_one_that_a_trusted_proxy_saw(
    forwarded_for: list[str], trusted: int, expected: str
) -> None:
    assert guest_address(PEER, forwarded_for, trusted_proxies=trusted) == expected


def test_all_addresses_of_an_ipv6_network_share_a_quota_and_no_others() -> None:
    first, last, beyond = (
        guest_address(peer, [], trusted_proxies=0)
        for peer in ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1")
    )

    assert first == last == "2001:db8:1:2::"
    assert beyond == "2001:db8:1:3::"


def test_a_peer_without_an_address_is_of_this_machine() -> None:
    assert guest_address("", [], trusted_proxies=0) == "127.0.0.1"
