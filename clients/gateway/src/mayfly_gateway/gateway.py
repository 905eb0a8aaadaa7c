"""What every door has at hand: the settings, the services, the clock and the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_client import AsyncClient
    from mayfly_gateway.config import GatewaySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The gateway's parts, made once."""

    settings: GatewaySettings
    mayfly: AsyncClient
    now: Callable[[], datetime]


def gateway_of(request: Request) -> Gateway:
    """The gateway that serves a request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Here = Annotated[Gateway, Depends(gateway_of)]
"""Parameter of a door that needs the gateway."""
