"""Failpoints in a real process: it ends at the one that a setting names, as if its power were cut. For tests alone."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from mayfly_runtime.addresses import ListenAddress
from mayfly_storage.domain.failpoints import Failpoint, Reach, pass_by

if TYPE_CHECKING:
    from collections.abc import Iterable


def require_loopback(addresses: Iterable[str]) -> None:
    """Raise ValueError if other machines could reach one of the addresses: nobody there has asked for a crash."""
    open_ones = [address for address in addresses if not ListenAddress.parse(address).is_loopback]
    if open_ones:
        raise ValueError(f"failpoint is for tests on one machine, and other machines can reach {', '.join(open_ones)}")


def reach_for(wanted: Failpoint | None) -> Reach:
    """What to do at failpoints: end this process at the wanted one, with nothing tidied up; nothing without one."""
    if wanted is None:
        return pass_by

    def end_there(point: Failpoint, /) -> None:
        if point is wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return end_there
