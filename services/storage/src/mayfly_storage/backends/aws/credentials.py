"""How long the credentials live that sign the links: no link lives longer, whatever it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.credentials import RefreshableCredentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from botocore.credentials import Credentials


class SigningCredentials:
    """Looks when the credentials end. Blocks while they are being refreshed."""

    def __init__(
        self, credentials: Credentials | None, *, now: Callable[[], datetime], session_lifetime: timedelta
    ) -> None:
        """Take what the client signs with, and how long credentials are trusted that do not say their end."""
        self._credentials = credentials
        self._now = now
        self._session_lifetime = session_lifetime

    def end(self) -> datetime | None:
        """When they end; None: never, or there are none (then signing says so).

        botocore refreshes them here if less than 15 minutes are left.
        """
        if self._credentials is None:
            return None
        token = self._credentials.get_frozen_credentials().token
        if isinstance(self._credentials, RefreshableCredentials):
            # No public name tells it, and a link that claims to outlive its credentials is a lie.
            end: datetime = self._credentials._expiry_time  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            return end.astimezone(UTC)
        return self._now() + self._session_lifetime if token else None
