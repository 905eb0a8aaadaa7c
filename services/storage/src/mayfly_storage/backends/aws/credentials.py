"""What signs the links, and until when: no link lives longer than its credentials, whatever it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.credentials import RefreshableCredentials
from botocore.exceptions import NoCredentialsError

from mayfly_storage.domain.links import begin_of, window_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.credentials import Credentials, ReadOnlyCredentials


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Credentials that no refresh changes under a batch, and when they end; None: never."""

    keys: ReadOnlyCredentials = field(repr=False)
    end: datetime | None


class SigningCredentials:
    """Takes snapshots. Blocks while the credentials are being refreshed."""

    def __init__(
        self,
        credentials: Credentials | None,
        *,
        now: Callable[[], datetime],
        session_lifetime: timedelta,
        window: timedelta = timedelta(0),
    ) -> None:
        """Take what the client signs with.

        Args:
            credentials: None if there are none; then signing says so.
            now: The clock.
            session_lifetime: How long credentials are trusted that do not say their end.
            window: For how long that trust counts from the same moment, so that links are the same meanwhile.
        """
        self._credentials = credentials
        self._now = now
        self._session_lifetime = session_lifetime
        self._window = window_of(session_lifetime, longest=window)

    def at_hand(self) -> Snapshot | None:
        """The same as `snapshot` without waiting for anything; None if they are missing, or (to be) refreshed."""
        if not isinstance(self._credentials, RefreshableCredentials):
            return None if self._credentials is None else self.snapshot()
        return None if self._credentials.refresh_needed() else _as_one_at_once(self._credentials)

    def snapshot(self) -> Snapshot:
        """What signs now. botocore refreshes it here if less than 15 minutes are left. Raises NoCredentialsError."""
        if self._credentials is None:
            raise NoCredentialsError
        keys = self._credentials.get_frozen_credentials()
        if isinstance(self._credentials, RefreshableCredentials):
            return _as_one(self._credentials)
        return Snapshot(keys, self._trusted_until() if keys.token else None)

    def _trusted_until(self) -> datetime:
        return begin_of(self._now(), self._window) + self._session_lifetime


def _as_one(credentials: RefreshableCredentials) -> Snapshot:
    """Keys and the end of these keys: another thread may be refreshing both, one after the other.

    No public name tells the end, and a link that claims to outlive its credentials is a lie.
    """
    inside: Any = credentials
    with inside._refresh_lock:  # noqa: SLF001 - see above
        return _snapshot_of(inside)


def _as_one_at_once(credentials: RefreshableCredentials) -> Snapshot | None:
    """The same, or None while another thread refreshes them."""
    lock = cast("Any", credentials)._refresh_lock  # noqa: SLF001 - see above
    if not lock.acquire(blocking=False):
        return None
    try:
        return _snapshot_of(credentials)
    finally:
        lock.release()


def _snapshot_of(inside: Any) -> Snapshot:
    return Snapshot(inside._frozen_credentials, inside._expiry_time.astimezone(UTC))  # noqa: SLF001 - see above
