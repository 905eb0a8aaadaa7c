"""What the runtime itself refuses, as exceptions: the same in every service."""

from __future__ import annotations

from datetime import timedelta


class MalformedRequestError(Exception):
    """The bytes of a request are not a message of the request's type."""

    def __init__(self) -> None:
        super().__init__("The request is not a valid message of the type that this method takes.")


class NotImplementedYetError(Exception):
    """An RPC, or a part of one, that the contract has and this server does not serve yet."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is not implemented by this version of the server.")
        self.feature = feature


class ServerBusyError(Exception):
    """More work is asked for than this server accepts at a time."""

    def __init__(self, resource: str, *, limit: int, retry_after: timedelta = timedelta(seconds=1)) -> None:
        """Name the exhausted resource.

        Args:
            resource: What is exhausted, for example `RPC slots`.
            limit: How many of them this server has.
            retry_after: When a retry may help.
        """
        super().__init__(f"The server is busy: all {limit} {resource} are in use. Nothing was done; try again later.")
        self.resource = resource
        self.limit = limit
        self.retry_after = retry_after
