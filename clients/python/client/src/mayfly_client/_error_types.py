"""The exceptions of the client: a small tree, one class where a caller may want to branch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from mayfly_client._remedies import remedy_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    import grpc


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that is missing or wrong."""

    field: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFacts:
    """What a server (or the client itself) says about a failure, apart from the sentence for people."""

    code: grpc.StatusCode | None = None
    """Status code of the call. None if the failure was not one of a call, e.g. of a download."""
    reason: str = ""
    """Why, e.g. `AUDIO_NOT_FOUND`; docs/errors.md lists all. Stable for ever."""
    domain: str = ""
    """Who says so: `storage.mayfly`, `synth.mayfly`, `sweeper.mayfly`, or `client.mayfly`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The variable parts of the message, by name. Keys are stable for ever."""
    violations: tuple[Violation, ...] = ()
    """The fields that are missing or wrong."""
    retry_after: timedelta | None = None
    """When coming again may help."""


class MayflyError(Exception):
    """Any failure of a call. `str()` is a sentence for people; the attributes are for programs."""

    def __init__(self, message: str, facts: ErrorFacts | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts or ErrorFacts()

    @property
    def code(self) -> grpc.StatusCode | None:
        """Status code of the call; None if the failure was not one of a call."""
        return self.facts.code

    @property
    def reason(self) -> str:
        """Why, e.g. `AUDIO_NOT_FOUND`."""
        return self.facts.reason

    @property
    def domain(self) -> str:
        """Who says so, e.g. `storage.mayfly`."""
        return self.facts.domain

    @property
    def metadata(self) -> Mapping[str, str]:
        """The variable parts of the message, by name."""
        return self.facts.metadata

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The fields that are missing or wrong."""
        return self.facts.violations

    @property
    def retry_after(self) -> timedelta | None:
        """When coming again may help."""
        return self.facts.retry_after

    @property
    def remedy(self) -> str:
        """What to do about it, as a sentence; empty if nothing general can be said."""
        return remedy_for(self.facts.reason, self.facts.domain)

    def __reduce__(self) -> tuple[type[MayflyError], tuple[str, ErrorFacts]]:
        # Exceptions travel between processes (pools, test runners); the default would drop the facts.
        return type(self), (self.message, self.facts)


class InvalidRequestError(MayflyError):
    """The request is wrong in itself; `violations` and `metadata` say where. Sending it again does not help."""


class NotFoundError(MayflyError):
    """What was named does not exist (any more)."""


class AudioNotFoundError(NotFoundError):
    """No readable audio has this name: it never existed, is not committed, has expired, or was deleted."""


class VoiceNotFoundError(NotFoundError):
    """No loaded voice (or speaker) has this name; `metadata["near"]` lists close ones."""


class SweepNotFoundError(NotFoundError):
    """No sweep has this name, or the server has forgotten it."""


class ConflictError(MayflyError):
    """Something else was there first: a key, a request_id, another attempt."""


class PreconditionError(MayflyError):
    """The request is right, the state of the system is not. Sending it again does not help by itself."""


class ContentMismatchError(PreconditionError):
    """The bytes that arrived are not the bytes that were announced."""


class ForbiddenError(MayflyError):
    """The caller is known and has no right to this."""


class UnauthenticatedError(MayflyError):
    """The server does not know the caller."""


class QuotaExceededError(MayflyError):
    """The subject has used up a quota, or all guests together have. Come again after `retry_after`."""

    @property
    def quota(self) -> str:
        """Which one, e.g. `requests_per_minute`."""
        return self.metadata.get("quota", "")

    @property
    def limit(self) -> int | None:
        """How much it allows; None if the server did not say."""
        return _number(self.metadata.get("limit"))

    @property
    def used(self) -> int | None:
        """How much of it is used; None if the server did not say."""
        return _number(self.metadata.get("used"))

    @property
    def reset_time(self) -> datetime | None:
        """When it is reset, aware, in UTC; None if the server did not say."""
        told = self.metadata.get("reset_time", "")
        try:
            return datetime.fromisoformat(told)
        except ValueError:
            return None


def _number(told: str | None) -> int | None:
    return int(told) if told and told.isdecimal() else None


class ServerBusyError(MayflyError):
    """The server works at its bound. Come again after `retry_after`."""


class StorageFullError(MayflyError):
    """There is no room left for the bytes."""


class UnavailableError(MayflyError):
    """A server, or what it depends on, did not answer. Coming again may help."""


class DeadlineError(MayflyError):
    """The time ran out. What was asked may or may not have happened."""


class NotImplementedYetError(MayflyError):
    """The contract has this call, and the server's release does not carry it out yet."""


class ServerError(MayflyError):
    """A fault of the server; its log has the details."""


class LinkEndedError(MayflyError):
    """The signed link is refused or has ended. Ask for a new one."""
