"""Who calls, and what they may call.

A caller proves its name with a bearer token (only the SHA-256 of it is configured) or with a client certificate
(SPIFFE id or common name). Its entry lists the methods that it may call; everything else is PERMISSION_DENIED. Without
a callers file, the only caller is `local`, who may do everything; `mayfly_runtime.server` refuses to serve that on
anything but the loopback interface.

Tokens are never logged, never part of an error, and compared in constant time.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from mayfly_runtime.callers import LOCAL, Caller, acting_as, current_caller, hash_token, set_caller
from mayfly_runtime.callers_file import read_callers
from mayfly_runtime.errors import ErrorResponder, ErrorTable, Mapped
from mayfly_runtime.interception import Call, Context, Handler, Interceptor

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Caller",
    "CallerForbiddenError",
    "CallerRegistry",
    "CallerUnauthenticatedError",
    "IdentityInterceptor",
    "acting_as",
    "current_caller",
    "hash_token",
]

AUTHORIZATION_KEY: Final = "authorization"


class CallerUnauthenticatedError(Exception):
    """The call carries no proof of identity, or one that nobody configured."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Send `authorization: Bearer <token>`, or connect with a known client certificate.")


class CallerForbiddenError(Exception):
    """A known caller asked for a method that its entry does not list."""

    def __init__(self, caller: str, method: str) -> None:
        super().__init__(f"The caller {caller!r} may not call {method}. Add it to the caller's `methods`.")
        self.caller = caller
        self.method = method


IDENTITY_ERRORS: Final[ErrorTable] = {
    CallerUnauthenticatedError: Mapped(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED"),
    CallerForbiddenError: Mapped(grpc.StatusCode.PERMISSION_DENIED, "CALLER_FORBIDDEN", ("caller", "method")),
}


@dataclass(frozen=True, slots=True)
class CallerRegistry:
    """Everybody who may call."""

    callers: tuple[Caller, ...]
    is_loopback_only: bool = False

    @classmethod
    def loopback_only(cls) -> CallerRegistry:
        """Nobody proves anything; the one caller is `local`. Only for servers that only this machine can reach."""
        return cls((LOCAL,), is_loopback_only=True)

    @classmethod
    def from_toml(cls, path: Path) -> CallerRegistry:
        """Read a callers file.

        Raises:
            CallersFileError: With every problem of the file.
        """
        return cls(read_callers(path))

    def identify(self, call: Call) -> Caller:
        """Find out who calls.

        Raises:
            CallerUnauthenticatedError: If the call proves no configured identity.
        """
        if self.is_loopback_only:
            return LOCAL
        authorization = call.metadata.get(AUTHORIZATION_KEY)
        if authorization is not None:
            return self._by_token(str(authorization))
        return self._by_certificate(call.context)

    def _by_token(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise CallerUnauthenticatedError("The authorization metadata is not a bearer token.")
        presented = hash_token(token.strip())
        found: Caller | None = None
        for caller in self.callers:
            # No early exit: the time taken tells nothing about which entry matched.
            if caller.token_sha256 is not None and hmac.compare_digest(caller.token_sha256, presented):
                found = caller
        if found is None:
            raise CallerUnauthenticatedError("The bearer token is not known.")
        return found

    def _by_certificate(self, context: Context) -> Caller:
        proofs = context.auth_context()
        spiffe_ids = {value.decode() for value in proofs.get("peer_spiffe_id", ())}
        common_names = {value.decode() for value in proofs.get("x509_common_name", ())}
        for caller in self.callers:
            if caller.spiffe_id in spiffe_ids or caller.common_name in common_names:
                return caller
        if spiffe_ids or common_names:
            raise CallerUnauthenticatedError("The client certificate is not known.")
        raise CallerUnauthenticatedError("The call proves no identity.")


class IdentityInterceptor(Interceptor):
    """Lets a call through if its caller is known and may call the method."""

    def __init__(self, callers: CallerRegistry, *, domain: str) -> None:
        self._callers = callers
        self._responder = ErrorResponder(domain=domain, table=IDENTITY_ERRORS)

    def wrap(self, inner: Handler, method: str) -> Handler:  # noqa: ARG002 - the call knows its method
        """Run `inner` as the caller."""
        callers, responder = self._callers, self._responder

        async def identify(request: Any, call: Call) -> Any:
            try:
                caller = callers.identify(call)
            except CallerUnauthenticatedError as refused:
                await responder.abort(call, refused)
            call.caller = caller.name
            if not caller.may_call(call.method):
                await responder.abort(call, CallerForbiddenError(caller.name, call.method))
            # Each RPC is a task with a context of its own, so there is nothing to reset.
            set_caller(caller)
            return await inner(request, call)

        return identify
