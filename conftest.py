"""What all tests share: no example of a random test is timed, and this machine is reached without a proxy."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Machines may be slow, and busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A developer's machine may send all HTTP through a proxy, which knows nobody on this loopback. Children inherit it.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1,localhost,::1")))  # noqa: TID251 - see above
