"""What every door has at hand: the settings, the services, the clock and the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Response

from mayfly_gateway import guests
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.guest_addresses import guest_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_client import AsyncClient
    from mayfly_gateway.callers import ApiCallers
    from mayfly_gateway.config import GatewaySettings
    from mayfly_gateway.due import DueNow
    from mayfly_gateway.playback import PlaybackCounter
    from mayfly_gateway.remembered import RememberedSpeech
    from mayfly_gateway.sessions import SessionSpeaker
    from mayfly_gateway.stable_links import StableLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The gateway's parts, made once."""

    settings: GatewaySettings
    mayfly: AsyncClient
    links: StableLinks
    callers: ApiCallers
    remembered: RememberedSpeech
    playback: PlaybackCounter
    due: DueNow
    sessions: SessionSpeaker
    now: Callable[[], datetime]

    def audio_of(self, token: str) -> str:
        """The name that a token stands for.

        Raises:
            GatewayError: Nobody here made this token.
        """
        name = self.links.name_of(token)
        if name is None:
            raise GatewayError(
                404, "LINK_UNKNOWN", "There is no such link.", remedy="Look whether it was copied whole."
            )
        return name

    def guest_address(self, request: Request) -> str:
        """The address that a guest's quota is counted for."""
        peer = request.client.host if request.client else ""
        return guest_address(
            peer, request.headers.getlist("x-forwarded-for"), trusted_proxies=self.settings.trusted_proxies
        )


async def gateway_of(request: Request) -> Gateway:
    """The gateway that serves a request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Here = Annotated[Gateway, Depends(gateway_of)]
"""Parameter of a door that needs the gateway."""


async def guest_of(request: Request, here: Here) -> str | None:
    """What storage knows the visitor by; None for a new one."""
    key = guests.key_in(request.cookies, is_https=here.settings.is_https)
    return None if key is None else guests.subject_of(key)


async def welcomed_guest(request: Request, response: Response, here: Here) -> str:
    """The same; a new visitor gets a cookie."""
    is_https = here.settings.is_https
    key = guests.key_in(request.cookies, is_https=is_https) or guests.new_key()
    response.set_cookie(
        guests.cookie_name(is_https=is_https),
        key,
        max_age=int(here.settings.guest_life.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=is_https,
    )
    return guests.subject_of(key)


Guest = Annotated[str | None, Depends(guest_of)]
"""Parameter of a door that asks who the visitor is."""
WelcomedGuest = Annotated[str, Depends(welcomed_guest)]
"""Parameter of a door that makes something for the visitor."""
