"""What can go wrong, in the words of the domain. `transport/errors.py` says how each looks on the wire.

Every variable part of a message is an attribute of the same name as its key in `ErrorInfo.metadata`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from mayfly_storage.domain.quotas import Charge, Tally


class StorageError(Exception):
    """Base of everything that storage refuses or fails to do."""


class InvalidAudioError(StorageError):
    """Facts of a new audio that the collection's rules refuse; `field` is the request's field."""

    def __init__(self, field: str, description: str) -> None:
        """Take the field's path in the request and what is allowed there."""
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


class CollectionUnknownError(StorageError):
    """No collection has this id; `field` is where the request said it."""

    def __init__(self, collection: str, allowed: Iterable[str], *, field: str = "collection") -> None:
        """Take the id that was asked for, the ids that exist, and the field's path in the request."""
        self.collection = collection
        self.field = field
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"There is no collection {collection!r}. Use one of: {self.allowed}.")


class CollectionForbiddenError(StorageError):
    """The caller is not among the collection's writers."""

    def __init__(self, collection: str, caller: str) -> None:
        """Take the collection and the caller's name."""
        super().__init__(
            f"Caller {caller!r} may not write to collection {collection!r}; an operator can add it to its writers."
        )
        self.collection = collection
        self.caller = caller


class ContentTypeNotAllowedError(StorageError):
    """The collection does not take this content type."""

    def __init__(self, content_type: str, collection: str, allowed: Iterable[str]) -> None:
        """Take the type, the collection and the types that it takes."""
        self.content_type = content_type
        self.collection = collection
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"Collection {collection!r} does not take {content_type!r}. Use one of: {self.allowed}.")


class AudioTooLargeError(StorageError):
    """The bytes are more than the collection takes."""

    def __init__(self, size_bytes: int, max_size_bytes: int, collection: str) -> None:
        """Take the size, the limit (both in bytes) and the collection."""
        super().__init__(f"{size_bytes} bytes are too many: collection {collection!r} takes at most {max_size_bytes}.")
        self.size_bytes = size_bytes
        self.max_size_bytes = max_size_bytes
        self.collection = collection


class AudioNotFoundError(StorageError):
    """No readable audio has this name: never existed, not committed, expired or deleted."""

    def __init__(self, name: object) -> None:
        """Take the name that was asked for."""
        self.name = str(name)
        super().__init__(
            f"There is no readable audio {self.name}: it never existed, is not committed, has expired, or was deleted."
        )


class ObjectKeyTakenError(StorageError):
    """Another audio holds the key that the caller chose."""

    def __init__(self, object_key: str) -> None:
        """Take the key."""
        super().__init__(
            f"Another audio holds the key {object_key!r}, or held it until moments ago: a deleted key is free again "
            f"after a sweep, when no late upload can land any more. Delete it, wait, or choose other key fields."
        )
        self.object_key = object_key


class IdempotencyKeyReusedError(StorageError):
    """The request id was used for a different request."""

    def __init__(self, request_id: str) -> None:
        """Take the request id."""
        super().__init__(f"The request_id {request_id} was used before, for a different request. Use a new one.")
        self.request_id = request_id


class RequestExpiredError(StorageError):
    """A retry came after its audio had expired or was deleted; it does not bring it back."""

    def __init__(self, request_id: str) -> None:
        """Take the request id."""
        super().__init__(
            f"The audio of request_id {request_id} has expired or was deleted. Use a new request_id to store it again."
        )
        self.request_id = request_id


class UploadIncompleteError(StorageError):
    """Nothing lies at the key yet."""

    def __init__(self, name: object) -> None:
        """Take the audio's name."""
        self.name = str(name)
        super().__init__(
            f"Nothing lies at the key of {self.name} yet. Put the bytes through the grant, then commit again."
        )


class AudioDamagedError(StorageError):
    """The bytes at rest are not those that were stored."""

    def __init__(self, name: object) -> None:
        """Take the audio's name."""
        self.name = str(name)
        super().__init__(
            f"The store has damaged the bytes of {self.name}: they are not those that were stored. Upload them again."
        )


class ContentMismatchError(StorageError):
    """What arrived is not what was announced."""

    def __init__(self, field: str, *, expected: object, actual: object) -> None:
        """Take the fact that differs (`size_bytes`, `sha256`, `attempt`) and both values."""
        self.field = field
        self.expected = str(expected)
        self.actual = str(actual)
        remedy = "Put the parts that differ once more, and commit with the ETags of all of them."
        if field != "part_etags":
            remedy = "Nothing was stored; upload again with a new request_id."
        super().__init__(f"{field} is {self.actual}, announced was {self.expected}. {remedy}")


class UploadFencedError(StorageError):
    """The upload is not this attempt's any more."""

    def __init__(self, name: object) -> None:
        """Take the audio's name."""
        self.name = str(name)
        super().__init__(
            f"The upload of {self.name} is not this attempt's any more: it ran out of time, was abandoned, or was "
            "committed already."
        )


class LifetimeOverError(StorageError):
    """The audio's lifetime ended before its upload was committed."""

    def __init__(self, name: object, expire_time: datetime) -> None:
        """Take the audio's name, and when it ended."""
        self.name = str(name)
        self.expire_time = f"{expire_time:%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(
            f"The lifetime of {self.name} ended at {self.expire_time}, before its upload was committed. "
            "Save it again with a longer ttl, or a later expire_time."
        )


class PageTokenInvalidError(StorageError):
    """The page token is not one of this method's, or its filters differ."""

    def __init__(self) -> None:
        """Need nothing: a token is opaque, and is not echoed."""
        super().__init__(
            "The page token does not belong to this method with these filters. Start again without a page token."
        )


class CertificateConflictError(StorageError):
    """Another certificate was appended in between."""

    def __init__(self, previous_sha256: str) -> None:
        """Take the hash that is not the newest one, in hex."""
        super().__init__(
            f"{previous_sha256 or 'The empty hash'} is not the newest certificate. "
            "Read the newest one and append again."
        )
        self.previous_sha256 = previous_sha256


class StorageFullError(StorageError):
    """There is no room left for the bytes."""

    def __init__(self) -> None:
        """Need nothing."""
        super().__init__("The store has no room left; nothing was stored. An operator has to make room.")


class QuotaExceededError(StorageError):
    """A subject has used up a quota. Says nothing of who the subject is."""

    def __init__(self, quota: str, *, limit: int, used: int, reset: datetime, retry_after: timedelta) -> None:
        """Take the quota's name, how much it allows, how much is used, and when and how soon it is reset."""
        self.quota = quota
        self.limit = limit
        self.used = used
        self.reset_time = f"{reset:%Y-%m-%dT%H:%M:%SZ}"
        self.retry_after = retry_after
        super().__init__(
            f"The quota {quota} is {limit}, {used} is used, and this request would exceed it. "
            f"It is reset at {self.reset_time}."
        )


class BackendUnavailableError(StorageError):
    """The store behind the service does not answer. Worth a retry."""

    def __init__(self, backend: str, *, retry_after: timedelta | None = None, cause: str = "") -> None:
        """Take the store's name, when to try again, and its error code or the error's kind, for operators."""
        super().__init__(f"The store behind this service ({backend}) does not answer at the moment. Try again.")
        self.backend = backend
        self.retry_after = retry_after
        self.cause = cause


class BackendMisconfiguredError(StorageError):
    """The store refuses the service. A retry does not help; an operator has to act."""

    def __init__(self, backend: str, cause: str) -> None:
        """Take the store's name and its error code."""
        super().__init__(
            f"The store behind this service ({backend}) refuses it: {cause}. "
            "An operator has to check credentials, rights, names and region."
        )
        self.backend = backend
        self.cause = cause


class ClockWrongError(BackendMisconfiguredError):
    """This machine's clock is not the store's: nothing that it signs would end when it says."""

    def __init__(self, off: timedelta, allowed: timedelta) -> None:
        """Take how far ours is ahead (negative: behind), and how far it may be."""
        super().__init__("S3", "ClockWrong")
        seconds = off.total_seconds()
        way = "ahead of" if seconds > 0 else "behind"
        told = (
            f"The clock of this machine is {abs(seconds):.0f} s {way} the store's, and {allowed.total_seconds():g} s "
            "are allowed: links would not end when they say. An operator has to set it right (NTP)."
        )
        self.args = (told,)


class CopyDamagedError(StorageError):
    """What lies in the mirror is not what was put there. Internal: copying tries again, or says so in its report."""

    def __init__(self, name: object, how: str) -> None:
        """Take the audio's name, and how its copy differs."""
        super().__init__(f"The copy of {name} in the mirror is not what was put there: {how}. Compare again.")
        self.name = str(name)


class StateChangedError(StorageError):
    """A conditional write met a row that is not as it was read. Internal: use cases decide what it means."""


class RequestSeenError(StorageError):
    """W1 met a request id that was used before. Internal: CreateUpload reads what became of it."""


class QuotaRefusedError(StorageError):
    """Counters have no room. Internal: the use case knows which quota is told, and when it is reset."""

    def __init__(self, refusals: Iterable[tuple[Tally, Charge, int]]) -> None:
        """Take each tally that was refused, its charge that did not fit, and what was used of it."""
        super().__init__("a counter has no room")
        self.refusals = tuple(refusals)


class ReservationGoneError(StorageError):
    """An upload came with a reservation that another one has used, or that is forgotten. Internal."""
